"""The picture of docs/channels.md: a weight matrix before and after neurons are removed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from featherweight.bench.figures import INK, new_figure
from pruning_rows.drop_neuron import MATRICES


def removed_groups() -> Any:
    """The second matrix of LeNet-300-100: before, with dead rows and columns, and what is left."""
    if not MATRICES.exists():
        return None
    with np.load(MATRICES) as kept:
        before, after = kept["before"].astype(np.float32), kept["after"].astype(np.float32)
    rows, columns = (after != 0).any(1), (after != 0).any(0)
    left = after[rows][:, columns]
    figure = new_figure(5.4, 9.2)
    top, bottom = figure.subfigures(2, 1)
    _matrix(
        top.subplots(), before, f"ip2, trained: {before.shape[0]} neurons read {before.shape[1]}"
    )
    panels = bottom.subplots(1, 2, width_ratios=[after.shape[1], max(left.shape[1], 80)])
    dead = f"{(~rows).sum()} rows and {(~columns).sum()} columns are zero"
    _matrix(panels[0], after, f"under penalties: {dead}")
    _matrix(panels[1], left, f"without them: {left.shape[0]} x {left.shape[1]}")
    return figure


def _matrix(axes: Any, weights: NDArray[np.float32], title: str) -> None:
    limit = float(np.quantile(np.abs(weights[weights != 0]), 0.98))
    axes.imshow(weights, cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_title(title)
    axes.set_xlabel("outgoing: neurons of ip1")
    axes.set_ylabel("incoming: ip2")
    axes.tick_params(colors=INK, length=0)
