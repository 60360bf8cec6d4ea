"""The process that writes the files of the race: `python -m featherweight.bench.race.preparing`.

A toolchain that crashes takes only this process with it. Requests and answers as in
`peers.worker`, of one kind: which model, for which backend, where to.
"""

from pathlib import Path
from typing import Any

import numpy as np

from featherweight.bench.race.backends import find_backend
from featherweight.data import load
from featherweight.export import Subject, export
from featherweight.export.sources import subject_of
from featherweight.peers.worker import serve


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Write the file that a backend runs, and say how it stands to the network."""
    try:
        data = load(request["data"], root=request["root"]) if request["data"] else None
        checkpoint = Path(request["checkpoint"]) if request["checkpoint"] else None
        subject = subject_of(request["model"], data, checkpoint=checkpoint, seed=request["seed"])
        return _written(subject, request)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _written(subject: Subject, request: dict[str, Any]) -> dict[str, Any]:
    out, backend = Path(request["out"]), find_backend(request["backend"])
    np.save(out.parent / "input.npy", subject.example())
    if subject.pictures.labels is not None:
        np.save(out.parent / "pictures.npy", subject.pictures.checked)
        np.save(out.parent / "labels.npy", subject.pictures.labels)
    if backend.target is None:
        out.write_bytes(subject.bytes())
        return {"file_bytes": out.stat().st_size, "precision": subject.precision}
    exported = export(subject, backend.target.name, out, precision=request["precision"])
    parity = exported.parity
    return {
        "file_bytes": exported.file_bytes,
        "precision": exported.precision,
        "scales": None if exported.scales == "none" else exported.scales,
        "snr_db": parity.snr_db if parity else None,
        "max_rel_diff": parity.max_rel_diff if parity else None,
        "top1_agreement": parity.top1_agreement if parity else None,
        "notes": exported.notes,
    }


if __name__ == "__main__":
    serve(prepare)
