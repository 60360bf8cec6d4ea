"""A torch module as a graph of ONNX operators, and back.

>>> graph, tensors = capture(module, torch.zeros(1, 1, 28, 28))
>>> again = rebuild(graph, tensors)
>>> to_onnx(graph, tensors, "network.onnx")
>>> graph, tensors = from_onnx("network.onnx")
>>> network = load("network.fwt")
"""

from featherweight.graph.capture import capture as capture
from featherweight.graph.capture import from_pt2 as from_pt2
from featherweight.graph.fwt_file import load as load
from featherweight.graph.onnx_file import from_onnx as from_onnx
from featherweight.graph.onnx_file import to_onnx as to_onnx
from featherweight.graph.rebuild import GraphModule as GraphModule
from featherweight.graph.rebuild import rebuild as rebuild
from featherweight.graph.rebuild import rebuild_network as rebuild_network
