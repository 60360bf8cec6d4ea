"""A module without its weights has the graph of the module itself."""

import torch
from torch import Tensor, nn

from featherweight.graph import capture
from featherweight.graph.without_weights import without_weights


class Indexed(nn.Module):
    """A weight picked by an index that is a buffer, shared parameters, and running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(5, 3))
        self.register_buffer("index", torch.tensor([0, 4, 4]))
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.second(self.first(x) + self.table[self.index].sum(0)))


def test_same_graph_no_data() -> None:
    module = Indexed().eval()
    empty = without_weights(module)
    assert all(tensor.is_meta for tensor in empty.parameters())
    assert empty.first.weight is empty.second.weight
    assert torch.equal(empty.index, module.index)
    graph, tensors = capture(module, torch.zeros(1, 3))
    again, shapes = capture(empty, torch.zeros(1, 3, device="meta"))
    assert again == graph
    assert {name: tensor.shape for name, tensor in shapes.items()} == {
        name: tensor.shape for name, tensor in tensors.items()
    }
    assert not module.table.is_meta
