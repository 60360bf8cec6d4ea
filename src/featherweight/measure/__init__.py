"""What a network costs: counted on its graph, estimated for a device, measured on this machine.

>>> cost = profile_module(module, (3, 224, 224))
>>> cost.params, cost.macs, cost.peak_activation_bytes
>>> estimate_time(cost, find_device("raspberry-pi-4")).fps
>>> estimate_energy(cost).total.total_mj
"""

from featherweight.measure.calibration import calibrate as calibrate
from featherweight.measure.cloud import CloudOrEdge as CloudOrEdge
from featherweight.measure.cloud import Link as Link
from featherweight.measure.cloud import compare_cloud as compare_cloud
from featherweight.measure.cloud import find_link as find_link
from featherweight.measure.cloud import link_names as link_names
from featherweight.measure.counting import Profile as Profile
from featherweight.measure.counting import profile_module as profile_module
from featherweight.measure.counting import profile_network as profile_network
from featherweight.measure.device import Device as Device
from featherweight.measure.device import device_names as device_names
from featherweight.measure.device import find_device as find_device
from featherweight.measure.energy import Energy as Energy
from featherweight.measure.energy import EnergyEstimate as EnergyEstimate
from featherweight.measure.energy import estimate_energy as estimate_energy
from featherweight.measure.layers import LayerCost as LayerCost
from featherweight.measure.measured import Measured as Measured
from featherweight.measure.measured import measure_module as measure_module
from featherweight.measure.roofline import LayerTime as LayerTime
from featherweight.measure.roofline import TimeEstimate as TimeEstimate
from featherweight.measure.roofline import estimate_time as estimate_time
