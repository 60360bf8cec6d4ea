"""What the commands that make a network smaller share: how they begin and how they end.

A command resolves MODEL, trains the reference where only data is given, carries out its own step,
and shows the file, its table, and what changed on this machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featherweight.cli.output import emit, epoch_bars, set_threads

if TYPE_CHECKING:
    from featherweight.data import Dataset
    from featherweight.recipes import Compression, Recipe, Settings
    from featherweight.zoo.resolve import Resolved

Model = Annotated[str, typer.Argument(help="A zoo name, package.module:callable, .onnx, .fwt.")]
Out = Annotated[Path, typer.Option("--out", help="Where the .fwt file goes.")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Weights of the reference; without, it is trained first.")
]
Weights = Annotated[
    Path | None, typer.Option(help="A file of weights of other data (ImageNet) to start from.")
]
Report = Annotated[Path | None, typer.Option(help="Write an HTML report here.")]
StorageOnly = Annotated[
    bool, typer.Option(help="Store a network that uses an operator outside the subset.")
]


@dataclass(frozen=True)
class StepOptions:
    """The options that these commands have in common."""

    model: str
    out: Path
    data: str | None
    checkpoint: Path | None
    weights: Path | None
    report: Path | None
    root: Path | None
    download: bool
    seed: int
    threads: int
    json: bool
    quiet: bool
    storage_only: bool = False


@dataclass(frozen=True)
class Work:
    """What a step works on."""

    resolved: "Resolved"
    dataset: "Dataset | None"
    settings: "Settings"
    out: Path

    @property
    def data_name(self) -> str | None:
        """The data set's name, if there is one."""
        return self.dataset.name if self.dataset else None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[C, H, W]: the data's, or the network's own."""
        return self.dataset.shape if self.dataset else self.resolved.input_shape


Step = Callable[[Work], "tuple[Recipe, Compression]"]
"""Carries out the step; returns the recipe that tells what was done, for report and file."""


def by_recipe(recipe: "Recipe", *, storage_only: bool = False) -> Step:
    """The step that compresses by a recipe."""
    from featherweight.recipes import compress

    return lambda work: (
        recipe,
        compress(
            work.resolved.module,
            recipe,
            work.dataset,
            work.out,
            input_shape=work.input_shape,
            settings=work.settings,
            storage_only=storage_only,
        ),
    )


def carry_out(options: StepOptions, plan: Callable[[Work], Step]) -> None:
    """Run a step between the shared beginning and the shared end.

    Args:
        plan: called before anything is trained, so that what it refuses is refused at once.

    Raises:
        InvalidArgumentError: MODEL or DATA is not known, or whatever `plan` refuses.
    """
    with epoch_bars(options.quiet or options.json) as on_epoch:
        work = open_work(options, on_epoch)
        step = plan(work)
        train_if_fresh(options, work)
        recipe, result = step(work)
    _show(options, work, recipe, result)


def open_work(options: StepOptions, on_epoch: Callable[[str, Any], None]) -> Work:
    """Read DATA and resolve MODEL; nothing is trained yet.

    Raises:
        InvalidArgumentError: MODEL or DATA is not known.
    """
    from featherweight.data import load
    from featherweight.recipes import Settings
    from featherweight.zoo import resolve

    set_threads(options.threads)
    dataset = None
    if options.data:
        dataset = load(options.data, root=options.root, download=options.download)
    resolved = resolve(
        options.model,
        seed=options.seed,
        shape=dataset.shape if dataset else None,
        num_classes=len(dataset.class_names) if dataset else None,
        checkpoint=options.checkpoint,
        weights=options.weights,
    )
    settings = Settings(seed=options.seed, work=options.out.with_suffix(".work"), report=on_epoch)
    return Work(resolved, dataset, settings, options.out)


def train_if_fresh(options: StepOptions, work: Work) -> None:
    """Train the reference where there is data and no trained weights came with MODEL."""
    from featherweight.recipes import find_training, train_reference

    resolved, dataset = work.resolved, work.dataset
    if dataset is not None and options.checkpoint is None and resolved.fresh:
        training = find_training(resolved.name, dataset.name)
        train_reference(resolved.module, training, dataset, work.settings)


def _show(options: StepOptions, work: Work, recipe: "Recipe", result: "Compression") -> None:
    from featherweight.bench.compression import network_report, print_compression
    from featherweight.bench.on_machine import change_on_this_machine
    from featherweight.bench.report import ReportInput, write_report
    from featherweight.recipes import example_input

    name, module = work.resolved.name, work.resolved.module
    change = None
    if not options.storage_only:
        change = change_on_this_machine(module, example_input(work.input_shape), options.out)
    if options.report is not None:
        section = network_report(name, module, recipe, result, work.dataset, change=change)
        write_report(options.report, ReportInput(f"{name}, compressed by {recipe.name}", [section]))
    emit(
        summarise(result, change),
        as_json=options.json,
        quiet=options.quiet,
        show=lambda: print_compression(name, result, change),
    )


def summarise(result: "Compression", change: Any = None) -> dict[str, Any]:
    """The contract's JSON of one compression, with what changed on this machine."""
    return {
        "file": result.file,
        "params": result.params,
        "float32_bytes": result.float32_bytes,
        "file_bytes": result.file_bytes,
        "compression_ratio": result.compression_ratio,
        "reference_top1": result.reference.top1 if result.reference else None,
        "compressed_top1": result.compressed.top1 if result.compressed else None,
        "layers": [
            {
                "name": row.name,
                "params": row.params,
                "density": row.density,
                "num_bits": row.num_bits,
                "bytes": row.file_bytes,
            }
            for row in result.rows
        ],
        "channels": [
            {"layer": group.layer, "before": group.before, "after": group.after}
            for group in result.removed
        ],
        "stored_as_is": [{"name": name, "bytes": count} for name, count in result.untouched],
        "on_this_machine": change,
    }
