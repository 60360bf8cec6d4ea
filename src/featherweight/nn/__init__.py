"""Layers that torch does not have, each a thin module over a pure function."""

from featherweight.nn.auxiliary import WithAuxiliary
from featherweight.nn.channel_shuffle import ChannelShuffle, channel_shuffle
from featherweight.nn.conv_norm import ConvNorm
from featherweight.nn.squeeze_excite import SqueezeExcite

__all__ = ["ChannelShuffle", "ConvNorm", "SqueezeExcite", "WithAuxiliary", "channel_shuffle"]
