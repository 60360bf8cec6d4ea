"""Shared weights while they are trained. Deep Compression, arXiv 1510.00149, section 3.3."""

import torch
from torch import Tensor


def shared_weight(codebook: Tensor, codes: Tensor, mask: Tensor) -> Tensor:
    """The layer's weight: codebook[codes] where `mask` is True (in row-major order), 0 elsewhere.

    Args:
        codebook: float [k], or [k, size] of vectors.
        codes: int64 [kept], or [kept / size] of vectors.
        mask: bool, the weight's shape, with `kept` True elements.
    """
    weight = torch.zeros(mask.shape, dtype=codebook.dtype, device=codebook.device)
    return weight.masked_scatter_(mask, codebook[codes])


def centroid_gradient(weight_gradient: Tensor, codes: Tensor, mask: Tensor, k: int) -> Tensor:
    """Gradient of each centroid: the sum of the gradients of the weights that share it, [k].

    [k, size] where a code stands for `size` weights.

    dL/dC_j = sum over i with code j of dL/dw_i (the paper's equation 3).
    """
    kept = weight_gradient[mask]
    if len(kept) != len(codes):
        kept = kept.reshape(len(codes), -1)
    shape = (k, *kept.shape[1:])
    gradient = torch.zeros(shape, dtype=weight_gradient.dtype, device=weight_gradient.device)
    return gradient.index_add_(0, codes, kept)
