"""featherweight train MODEL --data DATA: train a reference network."""

from pathlib import Path
from typing import Annotated

import typer

from featherweight.cli.output import (
    Data,
    Download,
    Json,
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
def train(
    model: Annotated[str, typer.Argument(help="A zoo name, package.module:callable, .onnx, .fwt.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Where the checkpoint (safetensors) goes.")],
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A file of weights of other data (ImageNet) to start from.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster, or local: train data-parallel.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="That share each batch, with --ray.")] = 2,
    gpus: Annotated[bool, typer.Option("--gpus", help="A card for each worker.")] = False,
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network; killed at any point, the same command goes on where it stopped.

    Example: featherweight train lenet-5 --data mnist5k --out lenet-5.safetensors
    """
    from featherweight import recipes
    from featherweight.data import load
    from featherweight.training import checkpoint, evaluate
    from featherweight.zoo import resolve

    set_threads(threads)
    dataset = load(data, root=root, download=download)
    resolved = resolve(
        model,
        seed=seed,
        shape=dataset.shape,
        num_classes=len(dataset.class_names),
        weights=weights,
    )
    config = recipes.find_training(resolved.name, dataset.name, epochs)
    work = out.with_suffix(".work")
    if ray is not None:
        from featherweight.training.on_ray import Cluster, fit_on_ray

        fit_on_ray(
            resolved.module, dataset, config, Cluster(ray, workers, gpus), work,
            seed=seed, quiet=quiet or json,
        )  # fmt: skip
    else:
        with epoch_bars(quiet or json) as report:
            settings = recipes.Settings(seed=seed, work=work, report=report)
            recipes.train_reference(resolved.module, config, dataset, settings)
    top1 = evaluate(resolved.module, dataset, dataset.test).top1
    facts = {"model": model, "data": dataset.name, "top1": top1, "epochs": config.epochs}
    tensors = {f"model.{name}": value for name, value in resolved.module.state_dict().items()}
    checkpoint.save(out, tensors, facts)
    payload = {"model": model, "top1": top1, "epochs": config.epochs, "checkpoint": out}
    emit(
        payload,
        as_json=json,
        quiet=quiet,
        show=lambda: typer.echo(
            f"{model}: {top1:.2f} % on test after {config.epochs} epochs, saved to {out}"
        ),
    )
