"""Learned step size quantization: the scale is trained with the weights.

Esser, McKinstry, Bablani, Appuswamy & Modha 2020, "Learned Step Size Quantization", arXiv
1902.08153. For w in steps of s, between low and high:

    w^ = s * clamp(round(w / s), low, high)
    dw^/dw = 1 within the ends, else 0
    dw^/ds = round(w / s) - w / s within the ends, else the end      (equation 3)

and the gradient of a step is multiplied by 1 / sqrt(size * high) (section 2.2), so that steps and
weights move equally fast.
"""

import math

import torch
from torch import Tensor


def initial_step(rows: Tensor, high: int) -> Tensor:
    """s = 2 mean|w| / sqrt(high) of each row of [rows, size] (section 2.1); 1 where all are 0."""
    step = 2.0 * rows.abs().mean(1) / math.sqrt(high)
    return torch.where(step > 0, step, torch.ones_like(step))


def step_quantize(rows: Tensor, step: Tensor, low: int, high: int) -> Tensor:
    """w^ [rows, size] of w [rows, size] and step [rows]."""
    return torch.round(rows / step[:, None]).clamp(low, high) * step[:, None]


def step_gradients(
    rows: Tensor, step: Tensor, low: int, high: int, gradient: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradients of `rows` [rows, size] and of `step` [rows], from that of `step_quantize`."""
    scaled = rows / step[:, None]
    is_within = (scaled >= low) & (scaled <= high)
    slope = torch.where(is_within, torch.round(scaled) - scaled, scaled.clamp(low, high))
    factor = 1.0 / math.sqrt(rows.shape[1] * high)
    return gradient * is_within, (gradient * slope).sum(1) * factor
