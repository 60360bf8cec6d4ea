"""GoogLeNet's auxiliary heads: in training only, and out of the way afterwards."""

import pytest
import torch
from torch import Tensor

from featherweight.nn import WithAuxiliary
from featherweight.zoo import small_setting


def network(**options: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return small_setting("googlenet").build(**options)


def test_heads_are_asked_for_and_speak_in_training_only() -> None:
    x = torch.randn(2, 1, 28, 28)
    assert isinstance(network().train()(x), Tensor)
    trained = network(aux_heads=True).train()
    outputs = trained(x)
    assert isinstance(outputs, WithAuxiliary)
    assert outputs.weight == 0.3
    assert [tuple(logits.shape) for logits in (outputs.logits, *outputs.auxiliary)] == [(2, 10)] * 3
    assert isinstance(trained.eval()(x), Tensor)


def test_weights_with_heads_load_without_them() -> None:
    with_heads, without = network(aux_heads=True).eval(), network(num_classes=10).eval()
    x = torch.randn(2, 1, 28, 28)
    state = with_heads.state_dict()
    without.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(with_heads(x), without(x))
    assert any(name.startswith("aux4a") for name in state)
    with pytest.raises(RuntimeError, match="unknown"):
        without.load_state_dict(state | {"unknown": torch.zeros(1)})


def test_the_published_heads() -> None:
    with torch.device("meta"):
        head = small_setting("googlenet").build(
            aux_heads=True, width=1.0, num_classes=1000, input_size=224
        )
    assert head.aux4a.fc1.in_features == 128 * 4 * 4
    assert head.aux4d.fc1.out_features == 1024
