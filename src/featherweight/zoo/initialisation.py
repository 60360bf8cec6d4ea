"""How fresh weights start.

He, Zhang, Ren & Sun 2015, "Delving Deep into Rectifiers", arXiv 1502.01852: normal with variance
2 / fan, which keeps the variance of activations (fan_in) or of gradients (fan_out) through ReLU.
"""

import math
from typing import Literal

from torch import nn


def initialise(module: nn.Module, fan: Literal["fan_in", "fan_out"] = "fan_out") -> None:
    """Set all convolutions to He's start, biases to 0, batch-norm to 1 and 0, Linear to 0.01.

    The fan of a grouped convolution is that of one group (torch's own initialiser takes that of
    all groups for `fan_out`, which starts depthwise weights almost at zero).
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            channels = layer.in_channels if fan == "fan_in" else layer.out_channels
            fan_size = channels // layer.groups * math.prod(layer.kernel_size)
            nn.init.normal_(layer.weight, std=math.sqrt(2.0 / fan_size))
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
