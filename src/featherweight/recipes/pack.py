"""A compressed module becomes a `Network`, ready for a file: its graph and its coded tensors."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from featherweight.container import CodedTensor, Network
from featherweight.graph import capture
from featherweight.weight_sharing import SharedWeight, shared_tensor, store_in_parts


def coded_tensor(name: str, value: Tensor, shared: SharedWeight | None) -> CodedTensor:
    """The stored form of one tensor: shared if it was shared or is of -1 and +1 (one bit each),

    sparse if it has zeros, else raw.

    A pruned tensor that keeps its floats is stored sparse only where that is smaller: a position
    costs about as much as a value as soon as half of the weights are left.
    """
    array = value.detach().cpu().contiguous().numpy()
    dtype = str(array.dtype)
    if shared is not None and shared.is_plain:
        return shared_tensor(name, shared, dtype)
    if array.dtype == np.float32 and array.ndim > 1 and bool((np.abs(array) == 1.0).all()):
        codes, book = (array.reshape(-1) > 0).astype(np.uint8), np.array([-1.0, 1.0], np.float32)
        return CodedTensor(name, dtype, array.shape, "shared", codebook=book, codes=codes)
    kept = np.flatnonzero(array)
    if array.dtype.kind == "f" and array.ndim > 1 and kept.size < 0.9 * array.size:
        return CodedTensor(
            name, dtype, array.shape, "sparse",
            positions=kept.astype(np.int64), values=array.reshape(-1)[kept],
        )  # fmt: skip
    return CodedTensor(name, dtype, array.shape, "raw", values=array)


def pack(
    module: nn.Module,
    example: Tensor,
    shared: Mapping[str, SharedWeight],
    metadata: Mapping[str, object],
    *,
    storage_only: bool = False,
) -> Network:
    """Capture the graph of `module` and code its tensors.

    Args:
        example: an input [N, C, H, W] that the graph is traced with; its batch becomes symbolic.
        shared: by parameter name; all other tensors are stored as they are.

    Raises:
        UnsupportedOperatorError: the graph needs an operator outside the subset.
    """
    graph, tensors = capture(module, (example,), storage_only=storage_only)
    coded = {name: coded_tensor(name, value, shared.get(name)) for name, value in tensors.items()}
    return store_in_parts(Network(graph, coded, metadata, storage_only), shared)


def example_input(shape: tuple[int, ...]) -> Tensor:
    """A batch of one with fixed pseudo-random values, for tracing and for checks."""
    return torch.randn((1, *shape), generator=torch.Generator().manual_seed(0))
