"""featherweight binarize MODEL --scheme S: one bit a weight, and with most schemes an input too."""

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
def binarize(
    model: Model,
    out: Out,
    scheme: Annotated[
        str, typer.Option(help="bwn, binary-connect: weights; xnor, bi-real, reactnet: inputs too.")
    ],
    all_layers: Annotated[
        bool, typer.Option("--all-layers", help="The first and the last layer, too.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Of all stages; as the reference's if not given.")
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
    """Make a network's layers binary, train it so, and write it with its bits as bits.

    Without --data the signs of the weights are taken as they are: right for sizes and times, not
    for answers. A network of the zoo that is written with binary layers (reactnet) is first
    trained as the real network of the same shape: the reference, and the teacher.

    Example: featherweight binarize lenet-5 --scheme xnor --data fashion-mnist --out lenet-5.fwt
    """
    from featherweight.binarization import find_scheme

    find_scheme(scheme)
    options = StepOptions(
        model, out, data, checkpoint, weights, report, root, download, seed, threads, json, quiet,
        storage_only,
    )  # fmt: skip
    carry_out(options, lambda work: _plan(work, scheme, epochs, all_layers, storage_only))


def _plan(
    work: Work, scheme: str, epochs: int | None, all_layers: bool, storage_only: bool
) -> Step:
    from featherweight import recipes
    from featherweight.binarization import find_scheme
    from featherweight.nn import set_stage
    from featherweight.recipes.binarize_stage import chosen_layers

    training = recipes.find_training(work.resolved.name, work.data_name, epochs)
    stage = recipes.BinarizationStage(
        find_scheme(scheme).name, keep_first_last=not all_layers, training=training
    )
    recipe = recipes.Recipe(scheme, (), binarization=stage)
    chosen_layers(work.resolved.module, stage)
    set_stage(work.resolved.module, "real")
    return by_recipe(recipe, storage_only=storage_only)
