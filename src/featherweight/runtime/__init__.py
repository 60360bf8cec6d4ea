"""Run `.fwt` files on the native runtime: NumPy arrays in and out, no torch.

>>> session = Session("lenet-5.fwt")
>>> logits = session.run(pictures)
"""

from featherweight.runtime.machine import LayerOnMachine as LayerOnMachine
from featherweight.runtime.machine import layers_on_this_machine as layers_on_this_machine
from featherweight.runtime.session import Layer as Layer
from featherweight.runtime.session import Memory as Memory
from featherweight.runtime.session import Port as Port
from featherweight.runtime.session import Session as Session
