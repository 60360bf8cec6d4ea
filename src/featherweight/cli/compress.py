"""featherweight compress MODEL --recipe R: run a recipe, write the file, print the table."""

from typing import Annotated

import typer

from featherweight.cli.output import (
    Download,
    Json,
    OptionalData,
    Quiet,
    Root,
    Seed,
    Threads,
    command,
)
from featherweight.cli.step import (
    Checkpoint,
    Model,
    Out,
    Report,
    Step,
    StepOptions,
    StorageOnly,
    Weights,
    Work,
    by_recipe,
    carry_out,
)


@command
def compress(
    model: Model,
    out: Out,
    recipe: Annotated[str | None, typer.Option(help="A recipe that ships, or a YAML file.")] = None,
    max_size: Annotated[
        str | None, typer.Option(help="Instead: find what fits so many bytes, such as 200kB.")
    ] = None,
    data: OptionalData = None,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    report: Report = None,
    storage_only: StorageOnly = False,
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compress a network into one small file; killed, the same command goes on where it stopped.

    Without --data the weights are pruned and shared as they are.

    Example: featherweight compress lenet-5 --data mnist5k --recipe lightest --out lenet-5.fwt
    """
    from featherweight.errors import InvalidArgumentError
    from featherweight.units import parse_bytes

    if (recipe is None) == (max_size is None):
        raise InvalidArgumentError("one of `--recipe` and `--max-size` must be given, not both.")
    if max_size is not None and storage_only:
        raise InvalidArgumentError("`--storage-only` goes with `--recipe`, not `--max-size`.")
    limit = None if max_size is None else parse_bytes(max_size)
    options = StepOptions(
        model, out, data, checkpoint, weights, report, root, download, seed, threads, json, quiet,
        storage_only,
    )  # fmt: skip

    carry_out(
        options,
        lambda work: _by_recipe(work, recipe, storage_only) if recipe else _by_size(limit or 0),
    )


def _by_recipe(work: Work, name: str, storage_only: bool) -> Step:
    from featherweight import recipes

    chosen = recipes.find_recipe(name, work.resolved.name, work.data_name)
    return by_recipe(chosen, storage_only=storage_only)


def _by_size(limit: int) -> Step:
    from featherweight import recipes

    return lambda work: recipes.fit_to_size(
        work.resolved.module,
        limit,
        work.dataset,
        work.out,
        base=recipes.fitting_base(work.resolved.name, work.data_name),
        input_shape=work.input_shape,
        settings=work.settings,
    )
