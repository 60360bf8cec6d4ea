"""A smaller network becomes a file that is read back and checked: the end of every method."""

import copy
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight import container
from featherweight.container import Network
from featherweight.data import Dataset
from featherweight.errors import FeatherweightError
from featherweight.graph import load
from featherweight.pruning.removal import RemovedFrom
from featherweight.recipes.accounting import LayerRow, layer_row
from featherweight.recipes.pack import example_input
from featherweight.training import Accuracy, evaluate, logits

_INDEX_BITS = 5
"""Width of a relative index in the table's columns before coding: Deep Compression's."""


@dataclass(frozen=True)
class Compression:
    """What came out: the file, its table, and what a report draws."""

    file: Path
    module: nn.Module
    """The compressed network; the file decodes to its very weights."""
    rows: tuple[LayerRow, ...]
    """The weights that a rule of the recipe compressed."""
    untouched: tuple[tuple[str, int], ...]
    """(name, bytes) of the tensors that no rule touched: stored as they are."""
    params: int
    file_bytes: int
    reference: Accuracy | None
    """On test, as is `compressed`; None without data."""
    compressed: Accuracy | None
    weights: dict[str, dict[str, Tensor]] = field(repr=False)
    """By stage (trained, pruned, shared) and layer, flat."""
    removed: tuple[RemovedFrom, ...] = ()
    """The channels or neurons that went, by the layer that made them."""

    @property
    def float32_bytes(self) -> int:
        """Four bytes a parameter: what the ratio is taken against."""
        return 4 * self.params

    @property
    def compression_ratio(self) -> float:
        """float32 bytes of all parameters / all bytes of the file."""
        return self.float32_bytes / self.file_bytes


def write_compressed(
    reference: nn.Module,
    network: nn.Module,
    packed: Network,
    out: str | Path,
    *,
    touched: Set[str],
    data: Dataset | None = None,
    coder: str = "auto",
    index_bits: int = _INDEX_BITS,
    weights: Mapping[str, Mapping[str, Tensor]] | None = None,
    removed: tuple[RemovedFrom, ...] = (),
) -> Compression:
    """Write `packed` to `out`, read it back, and weigh it against the reference.

    Args:
        reference: the network before.
        network: the network after, whose logits the file must give.
        packed: its graph and coded tensors; what the file says of data and accuracy is added here.
        touched: names of the tensors that were made smaller: the rows of the table.
        data: whose test pictures are counted, before and after.
        weights: by stage and layer, for pictures.
        removed: channels that went, for the table.

    Raises:
        FeatherweightError: the file read back does not give the network's own logits, bit for bit.
    """
    out = Path(out)
    before = evaluate(reference, data, data.test) if data else None
    after = evaluate(network, data, data.test) if data else None
    if data is not None and before is not None and after is not None:
        told = _told_of_data(data, before, after)
        packed = replace(packed, metadata={**packed.metadata, **told})
    summary = container.write(out, packed, coder=coder)
    if not packed.storage_only:
        shape = data.shape if data is not None else packed.graph.inputs[0].shape[1:]
        check_decoded(out, network, example_input(tuple(int(size) for size in shape)), data)
    sizes = {tensor.name: tensor for tensor in summary.tensors}
    return Compression(
        file=out,
        module=network,
        rows=tuple(
            layer_row(
                packed.tensors[name],
                index_bits,
                sizes[name].bytes,
                sizes[name].coder,
                vector_size=_vector_size(packed, name),
            )
            for name in packed.tensors
            if _is_of(name, touched)
        ),
        untouched=tuple((t.name, t.bytes) for t in summary.tensors if not _is_of(t.name, touched)),
        params=sum(parameter.numel() for parameter in reference.parameters()),
        file_bytes=summary.file_bytes,
        reference=before,
        compressed=after,
        weights={stage: dict(layers) for stage, layers in (weights or {}).items()},
        removed=removed,
    )


def _is_of(name: str, touched: Set[str]) -> bool:
    """Whether a tensor, or the weight that it is a numbered part of, is among `touched`."""
    whole, _, part = name.rpartition("_")
    return name in touched or (part.isdigit() and whole in touched)


def _vector_size(packed: Network, name: str) -> int:
    book = packed.tensors.get(f"{name}_codebook")
    return book.shape[1] if book is not None else 1


def plain_copy(module: nn.Module) -> nn.Module:
    """A copy in torch's usual memory layout, which a decoded network has too.

    In channels last a convolution sums in another order, and the logits differ in their last bit.
    """
    copied = copy.deepcopy(module)
    return copied.to(memory_format=torch.contiguous_format)  # type: ignore[no-any-return, call-overload]


def check_decoded(file: Path, network: nn.Module, example: Tensor, data: Dataset | None) -> None:
    """Read `file` back and compare its logits with those of the network it was written from.

    Raises:
        FeatherweightError: they differ in a single bit.
    """
    decoded = load(file)
    with torch.inference_mode():
        pairs = [(decoded(example), network(example))]
    if data is not None:
        pairs.append((logits(decoded, data, data.val), logits(network, data, data.val)))
    for ours, theirs in pairs:
        if not torch.equal(ours, theirs):
            worst = float((ours - theirs).abs().max())
            raise FeatherweightError(
                f"{file} was read back and does not give the network's own logits: they differ by "
                f"up to {worst:.3g}. The file is not to be trusted; please report this."
            )


def _told_of_data(data: Dataset, before: Accuracy, after: Accuracy) -> dict[str, object]:
    """What a user of the file must know beside the network itself; short, since bytes count."""
    return {
        "class_names": list(data.class_names),
        "preprocessing": {"mean": list(data.mean), "std": list(data.std)},
        "accuracy": {
            "data": data.name,
            "reference_top1": round(before.top1, 4),
            "top1": round(after.top1, 4),
        },
    }
