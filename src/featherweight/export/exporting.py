"""Write a network for a target, check what was written, and say what it is."""

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featherweight.container import Network
from featherweight.errors import ExportError, MissingExtraError, RunError
from featherweight.export import manifest as manifests
from featherweight.export.floating import is_quantized
from featherweight.export.parity import Parity, check, compare, limits_for
from featherweight.export.registry import find_target
from featherweight.export.subject import PRECISIONS, Array, Subject, check_ports
from featherweight.export.target import Target, Written, size_of
from featherweight.extras import install_hint
from featherweight.graph import rebuild_network
from featherweight.peers.runner import Runner
from featherweight.peers.torch_eager import without_gradients
from featherweight.runtime import Session
from featherweight.validation import check_choice

_MOST_ZEROS = 0.3
"""From this share of zeros on, a network counts as pruned."""


@dataclass(frozen=True)
class Exported:
    """One exported file; figures of parity are None where it cannot run here."""

    target: str
    file: Path
    file_bytes: int
    precision: str
    scales: str
    parity: Parity | None
    top1: float | None
    """Of the exported network on the checked pictures, in percent; None without labels."""
    reference_top1: float | None
    notes: tuple[str, ...]
    manifest: Path


def export(
    subject: Subject,
    target_name: str,
    path: Path,
    *,
    precision: str | None = None,
    threads: int = 1,
) -> Exported:
    """Write `subject` for a target, check its answers, and write the manifest beside it.

    Args:
        precision: float32, float16, int8 or dynamic-int8; the network's own if not given.

    Raises:
        InvalidArgumentError: the target or the precision is not known, or the precision is not
            one that the target has.
        MissingExtraError: a package that the target needs is not installed.
        ExportError: the target's toolchain refuses the network, or its runtime what it wrote; the
            file is removed.
        ParityError: what was written gives other answers; the file is removed.
    """
    target = find_target(target_name)
    precision = precision or subject.precision
    check_choice("precision", precision, PRECISIONS)
    check_choice("precision", precision, target.precisions, f"for {target.title}")
    check_ports(subject.network, subject.name)
    missing = target.missing()
    if missing is not None:
        raise MissingExtraError(install_hint(missing, target.extra))
    path.parent.mkdir(parents=True, exist_ok=True)
    written = target.write(subject, precision, path)
    written = _with_sparsity(subject, target, written)
    try:
        return _checked(subject, target, written, path, precision=precision, threads=threads)
    except ExportError:
        _remove(target.files(path))
        raise


def _checked(
    subject: Subject, target: Target, written: Written, path: Path, *, precision: str, threads: int
) -> Exported:
    parity, top1, reference_top1 = None, None, None
    record: dict[str, object] = {"reference": None, "why": f"{target.title} does not run here"}
    if target.open is not None:
        reference, expected = answers(subject, precision)
        found = _answers_of_file(subject, target, path, threads)
        parity = compare(found, expected)
        top1, reference_top1 = _top1(found, subject), _top1(expected, subject)
        record = manifests.parity_record(parity, reference, subject.pictures.source)
        record |= {"top1": top1, "reference_top1": reference_top1}
        limits = limits_for(precision, written.scales, subject.is_trained)
        check(parity, limits, f"{subject.name} for {target.title} in {precision}")
    content = manifests.build(subject, target, precision, written, record)
    return Exported(
        target=target.name,
        file=path,
        file_bytes=size_of(target.files(path)),
        precision=precision,
        scales=written.scales,
        parity=parity,
        top1=top1,
        reference_top1=reference_top1,
        notes=written.notes,
        manifest=manifests.write(path, content),
    )


def _answers_of_file(subject: Subject, target: Target, path: Path, threads: int) -> Array:
    """What the written file answers: some toolchains write what their own runtime refuses."""
    assert target.open is not None
    try:
        return run_all(target.open(path, threads), subject.pictures.checked)
    except Exception as error:  # each runtime has its own
        raise ExportError(
            f"{target.title} wrote {subject.name}, but does not run it: {error}"
        ) from error


def answers(subject: Subject, precision: str) -> tuple[str, Array]:
    """Who answers, and the answers to compare with.

    Floats are compared with torch; integers with the native runtime, our own integer reference.
    """
    if precision == "int8" and is_quantized(subject.network):
        try:
            session = Session(subject.bytes())
            return "native", run_all(session.run, subject.pictures.checked)
        except RunError:
            pass
    return "torch", torch_answers(subject.network, subject.pictures.checked)


def torch_answers(network: Network, pictures: Array) -> Array:
    """The network's outputs as torch computes them, picture by picture."""
    return run_all(without_gradients(rebuild_network(network)), pictures)


def run_all(run: Runner, pictures: Array) -> Array:
    """The outputs for all pictures, one at a time."""
    # A runtime may hand out the same memory again.
    return np.concatenate([np.array(run(np.ascontiguousarray(x[None]))) for x in pictures])


def _top1(outputs: Array, subject: Subject) -> float | None:
    labels = subject.pictures.labels
    if labels is None or outputs.ndim != 2:
        return None
    return 100.0 * float((outputs.argmax(1) == labels).mean())


def _with_sparsity(subject: Subject, target: Target, written: Written) -> Written:
    """Warn once where zeros go out that the target's runtime will multiply by."""
    total, zeros = subject.sparsity()
    if target.name == "c" or not total or zeros < _MOST_ZEROS * total:
        return written
    note = (
        f"{100 * zeros / total:.0f} % of the weights are zeros, which {target.title} stores and "
        f"multiplies by like any other number: run the .fwt file on the native runtime (or "
        f"`--to c`) to profit from them, or remove whole channels instead."
    )
    warnings.warn(note, stacklevel=3)
    return Written(written.scales, (*written.notes, note), written.details)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
