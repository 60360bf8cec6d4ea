"""Layers that torch does not have, each a thin module over a pure function."""

from featherweight.nn.auxiliary import WithAuxiliary
from featherweight.nn.binary_conv import BinaryWeightConv2d, XnorConv2d
from featherweight.nn.binary_linear import BinaryWeightLinear, XnorLinear
from featherweight.nn.binary_stage import BinaryLayer, set_stage
from featherweight.nn.binary_units import BiRealUnit, LearnedShift, NormedUnit, RPReLU, XnorUnit
from featherweight.nn.channel_shuffle import ChannelShuffle, channel_shuffle
from featherweight.nn.conv_norm import ConvNorm
from featherweight.nn.grouped import Grouped
from featherweight.nn.squeeze_excite import SqueezeExcite

__all__ = [
    "BiRealUnit", "BinaryLayer", "BinaryWeightConv2d", "BinaryWeightLinear", "ChannelShuffle",
    "ConvNorm", "Grouped", "LearnedShift", "NormedUnit", "RPReLU", "SqueezeExcite", "WithAuxiliary",
    "XnorConv2d", "XnorLinear", "XnorUnit", "channel_shuffle", "set_stage",
]  # fmt: skip
