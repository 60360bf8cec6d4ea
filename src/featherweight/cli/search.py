"""featherweight search --space S --data DATA: find an architecture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featherweight.cli.output import Data, Json, Quiet, Root, Seed, command, emit
from featherweight.errors import InvalidArgumentError

if TYPE_CHECKING:
    from featherweight.search.run import Found, Request

_SHOWN = 10


@command
def search(
    data: Data,
    space: Annotated[str, typer.Option(help="A space by name, such as mobile or chain.")],
    trials: Annotated[int, typer.Option(min=1, help="Architectures to train, in all.")] = 100,
    strategy: Annotated[
        str, typer.Option(help="controller, evolution, nsga2, predictor, random or tpe.")
    ] = "evolution",
    max_latency: Annotated[
        str | None, typer.Option(help="As in 5ms, by prediction for one thread of this machine.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(help="Of the file, as in 100kB; compressed where the space says.")
    ] = None,
    reward: Annotated[
        str | None, typer.Option(help="accuracy, constraint or mnasnet (needs --max-latency).")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Of each training.")] = 2,
    train_pictures: Annotated[
        int | None, typer.Option(min=1, help="Of each training; default: all.")
    ] = None,
    shrink: Annotated[int, typer.Option(min=1, help="Squares of so many pixels become one.")] = 1,
    pruner: Annotated[str, typer.Option(help="none, median or hyperband.")] = "none",
    storage: Annotated[
        str | None,
        typer.Option(
            help="sqlite:///F, postgresql://... or journal:F; default: SQLite in --out, "
            "with --ray a journal."
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Its name; default: SPACE-DATA-STRATEGY.")
    ] = None,
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster, or local.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    gpus: Annotated[float, typer.Option(min=0, help="Of each training, with --ray.")] = 0.0,
    out: Annotated[Path, typer.Option(help="Folder of the study and its pictures.")] = Path(
        "search"
    ),
    root: Root = None,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for an architecture; killed at any point, the same command goes on.

    The best one is a MODEL: featherweight train search:ARCHITECTURE --data DATA.

    Example: featherweight search --space mobile --data fashion-mnist --max-latency 1ms
    """
    from featherweight.search.run import Request, run
    from featherweight.units import parse_bytes

    request = Request(
        space=space, data=data, trials=trials, strategy=strategy, root=root, seed=seed,
        max_latency_ms=_milliseconds(max_latency), reward=reward, epochs=epochs,
        max_file_bytes=None if max_size is None else parse_bytes(max_size),
        train_pictures=train_pictures, shrink=shrink, pruner=pruner, storage=storage, study=study,
        ray=ray, workers=workers, gpus=gpus, out=out,
    )  # fmt: skip
    with _live_table(request, hidden=quiet or json) as told:
        found = run(request, told)
    pictures = _draw(found, out)
    recipe = _write_recipe(found, out)
    payload = {
        "trials": len(found.trials), "best": found.best, "study": found.study,
        "storage": found.storage, "pictures": pictures, "recipe": recipe,
    }  # fmt: skip
    emit(payload, as_json=json, quiet=quiet, show=lambda: _show(found, pictures, recipe))


def _write_recipe(found: "Found", out: Path) -> Path | None:
    """How the best is compressed, where that was searched too."""
    from featherweight.recipes import to_yaml

    if found.best_recipe is None:
        return None
    path, partial = out / "recipe.yaml", out / "recipe.yaml.partial"
    partial.write_text(to_yaml(found.best_recipe), encoding="utf-8")
    partial.replace(path)
    return path


def _draw(found: "Found", out: Path) -> list[Path]:
    from featherweight.bench.search_plots import plot_architecture, plot_pareto, plot_progress

    pictures = [out / f"{name}.svg" for name in ("pareto", "progress", "best")]
    plot_pareto(found.trials, pictures[0])
    plot_progress(found.trials, pictures[1])
    plot_architecture(found.best_plan, pictures[2])
    return pictures


def _milliseconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text.strip().removesuffix("ms"))
    except ValueError:
        value = 0.0
    if value <= 0:
        raise InvalidArgumentError(
            f"`max-latency` must be milliseconds greater than 0, as in 5ms, "
            f"but got max-latency={text!r}."
        )
    return value


@contextmanager
def _live_table(request: "Request", hidden: bool) -> Iterator[Callable[[list[Any]], None]]:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if hidden:
        yield lambda best: None
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda best: live.update(_table(best, f"{request.space}, so far"), refresh=True)


def _table(best: list[Any], title: str) -> Any:
    from rich.table import Table

    from featherweight.bench.tables import format_count
    from featherweight.units import format_bytes

    table = Table(title=title)
    for column in ("top-1, %", "latency, ms", "parameters", "multiply-adds", "file"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("architecture", overflow="fold")
    for one in best[:_SHOWN]:
        latency = "" if one.latency_ms is None else f"{one.latency_ms:.3f}"
        costs = (
            format_count(one.params), format_count(one.macs), format_bytes(one.file_bytes),
        )  # fmt: skip
        table.add_row(f"{one.top1:.2f}", latency, *costs, one.architecture)
    return table


def _show(found: "Found", pictures: list[Path], recipe: Path | None) -> None:
    from rich.console import Console

    console = Console()
    console.print(_table(list(found.best), f"The best of {len(found.trials)} trials"))
    console.print(f"Study {found.study!r} in {found.storage}; {', '.join(map(str, pictures))}")
    console.print(
        f"Train it: featherweight train 'search:{found.best[0].architecture}' --data ...",
        soft_wrap=True,
    )
    if recipe is not None:
        model = found.best[0].architecture
        console.print(
            f"Or train and compress it: featherweight compress 'search:{model}' --data ... "
            f"--recipe {recipe} --out best.fwt",
            soft_wrap=True,
        )
