"""Which channels of a graph must be removed together, and the graph without them.

>>> coupler = couple(graph, tensors)
>>> smaller, tensors = shrink(coupler, classes)
"""

from featherweight.graph.coupling.coupler import Attention as Attention
from featherweight.graph.coupling.coupler import Coupler as Coupler
from featherweight.graph.coupling.coupler import Mixing as Mixing
from featherweight.graph.coupling.coupler import couple as couple
from featherweight.graph.coupling.coupler import is_constant as is_constant
from featherweight.graph.coupling.shrinking import shrink as shrink
