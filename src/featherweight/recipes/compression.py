"""compress(model, recipe, data): the one place that composes pruning, sharing and packing.

Deep Compression (Han, Mao & Dally 2016, arXiv 1510.00149): prune and retrain, share and train the
centroids, entropy-code, write one file, read it back and check it.
"""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from featherweight import container
from featherweight.data import Dataset
from featherweight.errors import FeatherweightError, InvalidArgumentError
from featherweight.graph import load
from featherweight.recipes.accounting import LayerRow, layer_row
from featherweight.recipes.pack import example_input, pack
from featherweight.recipes.recipe import Recipe, to_data
from featherweight.recipes.stages import (
    Settings,
    match_rules,
    prune_stage,
    share_stage,
    snapshot,
)
from featherweight.training import Accuracy, evaluate, logits


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

    @property
    def float32_bytes(self) -> int:
        """Four bytes a parameter: what the ratio is taken against."""
        return 4 * self.params

    @property
    def compression_ratio(self) -> float:
        """float32 bytes of all parameters / all bytes of the file."""
        return self.float32_bytes / self.file_bytes


def compress(
    module: nn.Module,
    recipe: Recipe,
    data: Dataset | None,
    out: str | Path,
    *,
    input_shape: tuple[int, ...] | None = None,
    settings: Settings | None = None,
    storage_only: bool = False,
) -> Compression:
    """Compress a trained network by a recipe into the file `out`.

    Args:
        module: the reference; it is copied, not changed.
        data: training data; without it masks and codebooks are set on the weights as they are.
        out: the `.fwt` file.
        input_shape: [C, H, W]; taken from the data where there is data.
        storage_only: write the file although the graph uses an operator outside the subset.

    Raises:
        InvalidArgumentError: the recipe matches no layer, or no input shape is known.
        UnsupportedOperatorError: see `storage_only`.
        FeatherweightError: the file read back does not give the network's own logits, bit for bit.
    """
    settings = settings or Settings()
    shape = data.shape if data is not None else input_shape
    if shape is None:
        raise InvalidArgumentError("`input_shape` is needed without data, but got None.")
    out = Path(out)
    rules = match_rules(module, recipe)
    network = _plain_copy(module)
    weights = {"trained": snapshot(network, rules)}
    masks = prune_stage(network, module, recipe, data, settings)
    weights["pruned"] = snapshot(network, rules)
    shared = share_stage(network, module, recipe, data, settings)
    weights["shared"] = snapshot(network, rules)
    network.eval()
    reference = evaluate(module, data, data.test) if data else None
    compressed = evaluate(network, data, data.test) if data else None
    example = example_input(shape)
    metadata = _metadata(recipe, data, settings, reference, compressed)
    packed = pack(network, example, shared, metadata, storage_only=storage_only)
    summary = container.write(out, packed, coder=recipe.coder)
    if not storage_only:
        check_decoded(out, network, example, data)
    touched = masks.keys() | shared.keys()
    sizes = {tensor.name: tensor for tensor in summary.tensors}
    return Compression(
        file=out,
        module=network,
        rows=tuple(
            layer_row(packed.tensors[name], recipe.index_bits, sizes[name].bytes, sizes[name].coder)
            for name in packed.tensors
            if name in touched
        ),
        untouched=tuple((t.name, t.bytes) for t in summary.tensors if t.name not in touched),
        params=sum(parameter.numel() for parameter in module.parameters()),
        file_bytes=summary.file_bytes,
        reference=reference,
        compressed=compressed,
        weights=weights,
    )


def _plain_copy(module: nn.Module) -> nn.Module:
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


def _metadata(
    recipe: Recipe,
    data: Dataset | None,
    settings: Settings,
    reference: Accuracy | None,
    compressed: Accuracy | None,
) -> dict[str, object]:
    """What a user of the file must know beside the network itself; short, since bytes count."""
    metadata: dict[str, object] = {"recipe": to_data(recipe), "seed": settings.seed}
    if data is not None and reference is not None and compressed is not None:
        metadata["class_names"] = list(data.class_names)
        metadata["preprocessing"] = {"mean": list(data.mean), "std": list(data.std)}
        metadata["accuracy"] = {
            "data": data.name,
            "reference_top1": round(reference.top1, 4),
            "top1": round(compressed.top1, 4),
        }
    return metadata
