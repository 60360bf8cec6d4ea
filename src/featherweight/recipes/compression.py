"""compress(model, recipe, data): the one place that composes the methods, and packing.

Deep Compression (Han, Mao & Dally 2016, arXiv 1510.00149): prune and retrain, share and train the
centroids, entropy-code, write one file, read it back and check it. Channels go before that, and
layers that are to be binary become so.
"""

from pathlib import Path

from torch import nn

from featherweight.binarization import fold_norms
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.recipes.binarize_stage import binarize_stage, binary_weights
from featherweight.recipes.channel_stage import channel_stage, smaller_weights
from featherweight.recipes.pack import example_input, pack
from featherweight.recipes.prune_stage import prune_stage
from featherweight.recipes.recipe import Recipe, to_data
from featherweight.recipes.stages import Settings, match_rules, share_stage, snapshot
from featherweight.recipes.uniform_stage import dense_weight, uniform_bits, uniform_stage
from featherweight.recipes.written import Compression, plain_copy, write_compressed


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
    network, removed = channel_stage(
        plain_copy(module), module, recipe, data, settings, input_shape=shape
    )
    smaller = smaller_weights(module, network) if recipe.channels else set()
    network = binarize_stage(network, module, recipe, data, settings)
    binary = binary_weights(network) if recipe.binarization else set()
    rules = match_rules(network, recipe)
    weights = {"trained": snapshot(network, rules)}
    masks = prune_stage(network, module, recipe, data, settings)
    weights["pruned"] = snapshot(network, rules)
    shared = share_stage(network, module, recipe, data, settings, masks=masks)
    weights["shared"] = snapshot(network, rules)
    network.eval()
    if recipe.binarization:
        network = fold_norms(network)
    metadata = {"recipe": to_data(recipe), "seed": settings.seed}
    packed = pack(network, example_input(shape), shared, metadata, storage_only=storage_only)
    quantized = uniform_bits(rules)
    if quantized:
        packed, network = uniform_stage(
            packed, quantized, recipe, teacher=module, data=data, settings=settings
        )
        weights["quantized"] = {
            name.removesuffix(".weight"): dense_weight(packed, name) for name in quantized
        }
    return write_compressed(
        module,
        network,
        packed,
        out,
        touched=masks.keys() | shared.keys() | quantized.keys() | binary | smaller,
        data=data,
        coder=recipe.coder,
        index_bits=recipe.index_bits,
        weights=weights,
        removed=removed,
    )
