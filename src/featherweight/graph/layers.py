"""Which `torch.nn` layer a node is, when its tensors belong together.

A node whose weight is called ``features.0.weight`` and whose bias is ``features.0.bias`` is the
layer ``features.0``: rebuilt as a real `nn.Conv2d`, it can be found, pruned and trained as such.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from featherweight.container.graph import Attribute, Node
from featherweight.graph.spatial_operators import symmetric_padding

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_BATCH_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
_ROLES = {
    "Linear": ("weight", "bias"),
    "Conv": ("weight", "bias"),
    "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
    "LayerNormalization": ("weight", "bias"),
}


@dataclass(frozen=True)
class LayerUse:
    """One node as the use of the layer at `path`; equal uses share a layer."""

    path: str
    operator: str
    tensors: tuple[str, ...]
    attributes: tuple[tuple[str, Attribute], ...]
    input_rank: int


def layer_use(node: Node, tensors: Mapping[str, Tensor], input_rank: int) -> LayerUse | None:
    """Return the layer that `node` uses, or None if its tensors do not belong to one."""
    roles = _ROLES.get(node.operator, ())
    names = tuple(name for name in node.inputs[1:] if name)
    path, _, role = names[0].rpartition(".") if names else ("", "", "")
    expected = tuple(f"{path}.{role}" for role in roles[: len(names)])
    if not path or role != "weight" or names != expected or any(n not in tensors for n in names):
        return None
    if node.operator == "BatchNormalization" and len(names) < 4:
        return None
    if node.operator == "LayerNormalization":
        axis = int(node.attributes.get("axis", -1))  # type: ignore[arg-type]
        if tensors[names[0]].ndim != (-axis if axis < 0 else input_rank - axis):
            return None
    attributes = tuple(sorted(node.attributes.items()))
    return LayerUse(path, node.operator, names, attributes, input_rank)


def build_layer(use: LayerUse, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return the layer with its own tensors in place; running statistics are buffers."""
    weight = tensors[use.tensors[0]]
    layer = _BUILDERS[use.operator](use, weight, len(use.tensors) > 1)
    for name in use.tensors:
        role = name.rpartition(".")[2]
        if role.startswith("running"):
            layer.register_buffer(role, tensors[name])
        else:
            layer.register_parameter(role, nn.Parameter(tensors[name]))
    return layer


def _linear(_: LayerUse, weight: Tensor, has_bias: bool) -> nn.Module:
    out_features, in_features = weight.shape
    return nn.Linear(in_features, out_features, bias=has_bias, device="meta")


def _convolution(use: LayerUse, weight: Tensor, has_bias: bool) -> nn.Module:
    rank = weight.ndim - 2
    attributes = dict(use.attributes)
    groups = int(attributes.get("group", 1))  # type: ignore[arg-type]
    return _CONVOLUTIONS[rank - 1](
        in_channels=weight.shape[1] * groups,
        out_channels=weight.shape[0],
        kernel_size=tuple(weight.shape[2:]),  # type: ignore[arg-type]
        stride=attributes.get("strides", 1),  # type: ignore[arg-type]
        padding=symmetric_padding(attributes.get("pads", ()), rank),  # type: ignore[arg-type]
        dilation=attributes.get("dilations", 1),  # type: ignore[arg-type]
        groups=groups,
        bias=has_bias,
        device="meta",
    )


def _batch_norm(use: LayerUse, weight: Tensor, _: bool) -> nn.Module:
    attributes = dict(use.attributes)
    # ONNX weighs the old mean, torch the new one; both round to what people write (0.9 and 0.1).
    momentum = round(1.0 - float(attributes.get("momentum", 0.9)), 6)  # type: ignore[arg-type]
    epsilon = float(attributes.get("epsilon", 1e-5))  # type: ignore[arg-type]
    layer = _BATCH_NORMS[use.input_rank](len(weight), epsilon, momentum, device="meta")
    # The number of batches seen is not in the graph, and with a momentum it is not needed.
    layer.num_batches_tracked = None
    return layer


def _layer_norm(use: LayerUse, weight: Tensor, has_bias: bool) -> nn.Module:
    epsilon = float(dict(use.attributes).get("epsilon", 1e-5))  # type: ignore[arg-type]
    return nn.LayerNorm(list(weight.shape), epsilon, bias=has_bias, device="meta")


_BUILDERS: Mapping[str, Callable[[LayerUse, Tensor, bool], nn.Module]] = {
    "Linear": _linear,
    "Conv": _convolution,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
}
