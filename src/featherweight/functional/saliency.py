"""How much a weight matters: scores of one tensor, the highest is kept longest.

Magnitude: Han et al. 2015, arXiv 1506.02626. Saliency h w^2 / 2: LeCun, Denker & Solla 1989,
"Optimal Brain Damage". Movement: Sanh, Wolf & Rush 2020, arXiv 2005.07683.
"""

import hashlib

import torch
from torch import Tensor


def magnitude_score(weight: Tensor) -> Tensor:
    """|w|, of the weight's shape."""
    return weight.abs()


def standardised_score(weight: Tensor) -> Tensor:
    """|w| in standard deviations of its tensor: what Han et al. compare with one quality parameter.

    A tensor that never changes has no deviation; its scores are its magnitudes.
    """
    deviation = weight.std(correction=0)
    return weight.abs() / torch.where(deviation > 0, deviation, torch.ones_like(deviation))


def brain_damage_saliency(weight: Tensor, second_derivative: Tensor) -> Tensor:
    """h w^2 / 2: by how much the error grows when w is set to zero at a minimum of the error.

    Args:
        second_derivative: d^2 E / d w^2, of the weight's shape.
    """
    return 0.5 * second_derivative * weight.square()


def movement_score(weight: Tensor, gradient: Tensor) -> Tensor:
    """-w dE/dw: positive where a step of gradient descent moves the weight away from zero.

    Summed over training steps it is the paper's score; from one gradient it is the first-order term
    of the change of E when w is removed.
    """
    return -weight * gradient


def random_score(weight: Tensor, name: str, seed: int) -> Tensor:
    """Uniform in [0, 1): a baseline. The tensor's name and the seed decide all of it.

    The same weight keeps its score, so that masks of falling density lie in each other.
    """
    digest = hashlib.sha256(f"{name}:{seed}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))
    return torch.rand(weight.shape, generator=generator).to(weight.device)
