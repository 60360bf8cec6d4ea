"""featherweight compress MODEL --recipe R: run a recipe, write the file, print the table."""

from pathlib import Path
from typing import Annotated, Any

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
    emit,
    epoch_bars,
    set_threads,
)


@command
def compress(
    model: Annotated[str, typer.Argument(help="A zoo name, package.module:callable, .onnx, .fwt.")],
    out: Annotated[Path, typer.Option("--out", help="Where the .fwt file goes.")],
    recipe: Annotated[str, typer.Option(help="A recipe that ships, or a YAML file.")],
    data: OptionalData = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights of the reference; without, it is trained first.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A file of weights of other data (ImageNet) to start from.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report here.")] = None,
    storage_only: Annotated[
        bool, typer.Option(help="Store a network that uses an operator outside the subset.")
    ] = False,
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
    from featherweight import recipes
    from featherweight.bench.compression import network_report, print_compression
    from featherweight.bench.on_machine import change_on_this_machine
    from featherweight.bench.report import ReportInput, write_report
    from featherweight.data import load
    from featherweight.zoo import resolve

    set_threads(threads)
    dataset = load(data, root=root, download=download) if data else None
    resolved = resolve(
        model,
        seed=seed,
        shape=dataset.shape if dataset else None,
        num_classes=len(dataset.class_names) if dataset else None,
        checkpoint=checkpoint,
        weights=weights,
    )
    chosen = recipes.find_recipe(recipe, resolved.name, dataset.name if dataset else None)
    with epoch_bars(quiet or json) as on_epoch:
        settings = recipes.Settings(seed=seed, work=out.with_suffix(".work"), report=on_epoch)
        if dataset is not None and checkpoint is None and resolved.fresh:
            training = recipes.find_training(resolved.name, dataset.name)
            recipes.train_reference(resolved.module, training, dataset, settings)
        result = recipes.compress(
            resolved.module,
            chosen,
            dataset,
            out,
            input_shape=resolved.input_shape,
            settings=settings,
            storage_only=storage_only,
        )
    change = None
    if not storage_only:
        example = recipes.example_input(dataset.shape if dataset else resolved.input_shape)
        change = change_on_this_machine(resolved.module, example, out)
    if report is not None:
        section = network_report(
            resolved.name, resolved.module, chosen, result, dataset, change=change
        )
        write_report(
            report, ReportInput(f"{resolved.name}, compressed by {chosen.name}", [section])
        )
    emit(
        summarise(result, change),
        as_json=json,
        quiet=quiet,
        show=lambda: print_compression(resolved.name, result, change),
    )


def summarise(result: Any, change: Any = None) -> dict[str, Any]:
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
        "stored_as_is": [{"name": name, "bytes": count} for name, count in result.untouched],
        "on_this_machine": change,
    }
