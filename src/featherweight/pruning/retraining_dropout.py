"""Lower the dropout of a network that is about to be retrained with fewer connections."""

from collections.abc import Mapping

from torch import nn

from featherweight.functional.dropout import adjusted_dropout


def adjust_dropout(module: nn.Module, densities: Mapping[str, float]) -> dict[str, float]:
    """Scale every `nn.Dropout` by the density of the weights in the layer that feeds it.

    The feeding layer is the last one with weights before the dropout, in the module's own order.

    Args:
        densities: share of weights kept, by parameter name (``"ip1.weight"``).

    Returns:
        the new rates, by name of the dropout module.
    """
    rates: dict[str, float] = {}
    before, after = 0, 0.0
    for name, layer in module.named_modules():
        weight = getattr(layer, "weight", None)
        if isinstance(layer, nn.Dropout):
            if before:
                layer.p = adjusted_dropout(layer.p, before, round(after))
            rates[name] = layer.p
        elif isinstance(weight, nn.Parameter) and weight.dim() > 1:
            before = weight.numel()
            after = before * densities.get(f"{name}.weight", 1.0)
    return rates
