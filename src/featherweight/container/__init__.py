"""The `.fwt` file (docs/format.md): write, read and inspect it. No torch.

>>> write("lenet.fwt", network, coder="auto")
>>> network = read("lenet.fwt")
>>> arrays = dense("lenet.fwt")
"""

from featherweight.container.graph import CodedTensor as CodedTensor
from featherweight.container.graph import Graph as Graph
from featherweight.container.graph import Network as Network
from featherweight.container.graph import Node as Node
from featherweight.container.graph import ValueInfo as ValueInfo
from featherweight.container.reader import FileSummary as FileSummary
from featherweight.container.reader import SparseRows as SparseRows
from featherweight.container.reader import decode_sparse as decode_sparse
from featherweight.container.reader import dense as dense
from featherweight.container.reader import inspect as inspect
from featherweight.container.reader import read as read
from featherweight.container.reader import read_metadata as read_metadata
from featherweight.container.writer import WriteSummary as WriteSummary
from featherweight.container.writer import write as write
