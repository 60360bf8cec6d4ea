"""What runs a file: one picture in, its output out."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Runner = Callable[[Array], Array]
"""One picture in, as the network sees it [1, C, H, W]; its output [1, ...]."""
