"""featherweight export MODEL_OR_FILE --to TARGET --out F: for another runtime or compiler."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    set_threads,
)

if TYPE_CHECKING:
    from featherweight.export import Exported


@command
def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL_OR_FILE", help="A network, or a .fwt or .onnx file.")
    ],
    to: Annotated[
        str,
        typer.Option(
            help="onnx, openvino, litert, executorch, tvm, tvm-aarch64, coreml or c.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Where the exported file goes.")],
    precision: Annotated[
        str | None,
        typer.Option(
            help="float32, float16, int8 or dynamic-int8, by the target's own tool; default: the "
            "network's own, with its own scales where the target takes them."
        ),
    ] = None,
    data: OptionalData = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights for a named network.")] = None,
    root: Root = None,
    download: Download = False,
    seed: Seed = 0,
    threads: Threads = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a network for another runtime, check its answers, and write a manifest beside it.

    The check is on pictures of --data, else on photographs; if the answers are not the network's,
    nothing is written and the command fails.

    Example: featherweight export lenet-5.fwt --to onnx --out lenet-5.onnx --data mnist5k
    """
    from featherweight.data import load
    from featherweight.export import export as export_subject
    from featherweight.export.sources import subject_of

    set_threads(threads)
    dataset = load(data, root=root, download=download) if data else None
    subject = subject_of(model, dataset, checkpoint=checkpoint, seed=seed)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        exported = export_subject(subject, to, out, precision=precision, threads=threads or 1)
    for each in told:
        if issubclass(each.category, UserWarning) and not quiet:
            typer.echo(f"featherweight: {each.message}", err=True)
    emit(summarise(exported), as_json=json, quiet=quiet, show=lambda: _show(exported))


def summarise(exported: "Exported") -> dict[str, Any]:
    """The contract's JSON of one export."""
    parity = exported.parity
    return {
        "target": exported.target,
        "file": exported.file,
        "file_bytes": exported.file_bytes,
        "max_abs_diff": parity.max_abs_diff if parity else None,
        "max_rel_diff": parity.max_rel_diff if parity else None,
        "snr_db": parity.snr_db if parity else None,
        "top1_agreement": parity.top1_agreement if parity else None,
        "samples": parity.samples if parity else 0,
        "top1": exported.top1,
        "reference_top1": exported.reference_top1,
        "precision": exported.precision,
        "scales": exported.scales,
        "notes": exported.notes,
        "manifest": exported.manifest,
    }


def _show(exported: "Exported") -> None:
    from featherweight.units import format_bytes

    size = format_bytes(exported.file_bytes)
    typer.echo(f"{exported.file}: {exported.target}, {exported.precision}, {size}")
    parity = exported.parity
    if parity is None:
        typer.echo("its answers were not checked: it does not run on this machine")
    else:
        agreement = parity.top1_agreement
        typer.echo(
            f"differs by at most {parity.max_abs_diff:.3g} ({parity.max_rel_diff:.1e} of the "
            f"largest output, {parity.snr_db:.0f} dB) on {parity.samples} pictures"
            + ("" if agreement is None else f"; same class for {agreement:.1f} %")
        )
    if exported.top1 is not None:
        typer.echo(f"top-1 {exported.top1:.2f} %, before {exported.reference_top1:.2f} %")
    for note in exported.notes:
        typer.echo(f"- {note}")
    typer.echo(f"manifest: {exported.manifest}")
