"""Checkpoints without pickle: safetensors, written to a temporary file and renamed.

A checkpoint belongs to one run. The run's fingerprint, a hash of all that decides its result,
stands in the file; a checkpoint with another fingerprint is refused rather than continued.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from featherweight.errors import CheckpointError
from featherweight.extras import require


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and plain facts about them."""

    tensors: dict[str, Tensor]
    facts: dict[str, object]


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, object]) -> None:
    """Write a checkpoint; a reader sees the old file or the new one, never half of one."""
    safetensors = require("safetensors.torch", "torch")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    # Tensors that share memory would be refused; a clone costs little beside an epoch.
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    safetensors.save_file(plain, partial, metadata={"facts": json.dumps(facts, sort_keys=True)})
    partial.replace(path)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: the file is missing or is not a checkpoint.
    """
    safetensors = require("safetensors", "torch")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("facts", "{}"))
            return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118
    except (OSError, safetensors.SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is not a readable checkpoint: {error}.") from error


def load_weights(path: Path, module: torch.nn.Module) -> dict[str, object]:
    """Copy a checkpoint's `model.` tensors (or a plain state dict) into `module`; return its facts.

    Raises:
        CheckpointError: the names or shapes are not those of the module.
    """
    tensors, facts = _read_weights(path)
    _fill(module, tensors, path)
    return facts


def load_pretrained(path: Path, module: torch.nn.Module) -> tuple[str, ...]:
    """Copy weights that were trained on other data into `module`, to train on from there.

    The last layer stays fresh if the other data has another number of classes.

    Returns:
        The names of the tensors that stayed fresh.

    Raises:
        CheckpointError: the names, or shapes elsewhere, are not those of the module.
    """
    tensors, _ = _read_weights(path)
    own = module.state_dict()
    layers = (name for name, layer in module.named_modules() if isinstance(layer, _CLASSIFIERS))
    last = list(layers)[-1:]
    fresh = tuple(
        name
        for name in own
        if [name.rpartition(".")[0]] == last
        and name in tensors
        and tensors[name].shape != own[name].shape
    )
    _fill(module, {**tensors, **{name: own[name] for name in fresh}}, path)
    return fresh


_CLASSIFIERS = (torch.nn.Linear, torch.nn.Conv2d)


def _read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    facts: dict[str, object] = {}
    if path.suffix in {".pt", ".pth"}:
        tensors = torch.load(path, weights_only=True, map_location="cpu")
    else:
        checkpoint = load(path)
        tensors, facts = checkpoint.tensors, checkpoint.facts
    prefixed = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    return prefixed or tensors, facts


def _fill(module: torch.nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} does not fit this network: {reason}") from error


def fingerprint(*facts: object, tensors: Mapping[str, Tensor] | None = None) -> str:
    """A short hash of what decides a run's result: its settings, and the weights it starts from."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode())
    for name, tensor in sorted((tensors or {}).items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
