"""Dropout for a network that has fewer connections.

Han et al. 2015, arXiv 1506.02626, section 3.2: a pruned layer has less capacity to overfit, so
while it is retrained its dropout rate falls with the square root of the connections left.
"""

import math


def adjusted_dropout(rate: float, connections_before: int, connections_after: int) -> float:
    """Dropout rate for retraining: D_r = D_o sqrt(C_ir / C_io)."""
    return rate * math.sqrt(connections_after / connections_before)
