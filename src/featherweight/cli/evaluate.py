"""featherweight eval MODEL_OR_FILE --data DATA: accuracy on test."""

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
    set_threads,
)


@command
def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL_OR_FILE", help="A network or .fwt file.")],
    data: Data,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights for a named network.")] = None,
    backend: Annotated[str, typer.Option(help="torch, onnxruntime or native.")] = "torch",
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure top-1 and top-5 accuracy on the test split.

    Example: featherweight eval lenet-5.fwt --data mnist5k
    """
    from featherweight.bench.backends import BACKENDS, backend_logits
    from featherweight.data import load
    from featherweight.training.evaluate import accuracy
    from featherweight.validation import check_choice
    from featherweight.zoo import resolve

    check_choice("backend", backend, BACKENDS)
    set_threads(threads)
    dataset = load(data, root=root, download=download)
    resolved = resolve(
        model,
        seed=seed,
        shape=dataset.shape,
        num_classes=len(dataset.class_names),
        checkpoint=checkpoint,
    )
    outputs = backend_logits(
        resolved.module,
        dataset,
        dataset.test,
        backend,
        file=Path(model) if model.endswith(".fwt") else None,
        threads=threads,
    )
    result = accuracy(outputs, dataset.test.labels)
    payload = {
        "model": model,
        "top1": result.top1,
        "top5": result.top5,
        "samples": result.samples,
        "backend": backend,
    }
    emit(
        payload,
        as_json=json,
        quiet=quiet,
        show=lambda: typer.echo(
            f"{model} on {dataset.name} ({backend}): top-1 {result.top1:.2f} %, "
            f"top-5 {result.top5:.2f} % of {result.samples} pictures"
        ),
    )
