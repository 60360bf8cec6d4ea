"""What a network costs: counted on its graph, estimated for a device, measured on this machine.

>>> cost = profile_module(module, (3, 224, 224))
>>> cost.params, cost.macs, cost.peak_activation_bytes
"""

from featherweight.measure.layers import LayerCost as LayerCost
from featherweight.measure.profile import Profile as Profile
from featherweight.measure.profile import profile_module as profile_module
from featherweight.measure.profile import profile_network as profile_network
