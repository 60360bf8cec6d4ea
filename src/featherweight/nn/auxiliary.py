"""What a network with auxiliary heads returns while it is trained.

Szegedy et al. 2014, arXiv 1409.4842, section 5: classifiers on intermediate maps, whose losses are
added to the network's own with a weight of 0.3. The training loop knows this type; in evaluation
such a network returns its logits only.
"""

from typing import NamedTuple

from torch import Tensor


class WithAuxiliary(NamedTuple):
    """Logits [N, classes] of the network and of each of its auxiliary heads."""

    logits: Tensor
    auxiliary: tuple[Tensor, ...]
    weight: float = 0.3
    """Factor of each auxiliary loss."""
