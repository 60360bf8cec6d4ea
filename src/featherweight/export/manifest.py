"""The manifest beside an exported file: what whoever runs the file has to know."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from featherweight import __version__
from featherweight.export.parity import Parity
from featherweight.export.subject import Subject
from featherweight.export.target import Target, Written

VERSION = 1


def manifest_path(path: Path) -> Path:
    """Where the manifest of `path` stands: ``net.onnx.manifest.json``."""
    return path.with_name(f"{path.name}.manifest.json")


def build(
    subject: Subject, target: Target, precision: str, written: Written, checked: dict[str, Any]
) -> dict[str, Any]:
    """Return the manifest as plain data.

    Args:
        checked: what the parity check found, or why there was none.
    """
    source, sink = subject.network.graph.inputs[0], subject.network.graph.outputs[0]
    metadata = subject.network.metadata
    return {
        "manifest": VERSION,
        "network": subject.name,
        "target": target.name,
        "precision": precision,
        "versions": {"featherweight": __version__, **target.versions()},
        "input": {
            "name": source.name,
            "shape": list(source.shape),
            "dtype": source.dtype,
            "layout": "NHWC" if target.name == "litert" and len(source.shape) == 4 else "NCHW",
        },
        "output": {"name": sink.name, "shape": list(sink.shape), "dtype": sink.dtype},
        "preprocessing": metadata.get("preprocessing"),
        "class_names": metadata.get("class_names"),
        "scales": {
            "whose": written.scales,
            "values": scales(subject) if precision == "int8" else {},
        },
        "accuracy_in_file": metadata.get("accuracy"),
        "checked": checked,
        "notes": list(written.notes),
        "details": dict(written.details),
    }


def scales(subject: Subject) -> dict[str, dict[str, float]]:
    """Scale and zero point of each value that an 8-bit network rounds, as its file has them."""
    tensors = subject.network.tensors
    found: dict[str, dict[str, float]] = {}
    for node in subject.network.graph.nodes:
        if node.operator != "QuantizeLinear" or node.inputs[1] not in tensors:
            continue
        scale = tensors[node.inputs[1]].dense()
        zero = tensors[node.inputs[2]].dense() if len(node.inputs) > 2 else None
        if scale.size == 1:
            found[node.inputs[0]] = {
                "scale": float(scale.reshape(-1)[0]),
                "zero_point": 0 if zero is None else int(zero.reshape(-1)[0]),
            }
    return found


def write(path: Path, manifest: dict[str, Any]) -> Path:
    """Write the manifest of `path` beside it."""
    target = manifest_path(path)
    target.write_text(json.dumps(manifest, indent=2, default=str) + "\n", encoding="utf-8")
    return target


def parity_record(parity: Parity, reference: str, pictures: str) -> dict[str, Any]:
    """What the check found, as plain data; an infinite ratio is written as null."""
    record = asdict(parity)
    if parity.snr_db == float("inf"):
        record["snr_db"] = None
    return {"reference": reference, "pictures": pictures, **record}
