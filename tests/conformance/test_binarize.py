"""Every network of the zoo with binary layers of every scheme: captured, stored, run natively."""

from pathlib import Path

import pytest
import torch

from featherweight import container
from featherweight.binarization import SCHEMES, binarize, binary_candidates, binary_layers
from featherweight.graph import load
from featherweight.recipes.pack import pack
from featherweight.runtime import Session
from featherweight.zoo import names, small_setting
from randomised import randomise
from tolerances import TOLERANCES, relative_error

# An input of a sign within rounding of zero may have the other sign in torch; through dozens of
# binary layers of fresh weights that is another answer. Rare enough that most samples have none.
SAMPLES, MOST = 4, 3
LIMIT = TOLERANCES["dense"].limit
ORDINARY = [
    name for name in names() if not name.startswith(("xnor-", "bi-real-", "reactnet"))
]  # fmt: skip


def test_the_written_ones_have_binary_layers_and_the_others_none() -> None:
    for name in names():
        with torch.device("meta"):
            network = small_setting(name).build()
        assert bool(binary_layers(network)) == (name not in ORDINARY)


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"binary-connect"}))
@pytest.mark.parametrize("name", ORDINARY)
def test_converted_it_runs_from_its_file(name: str, scheme: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    setting = small_setting(name)
    network = setting.build()
    candidates = binary_candidates(network, scheme)
    converted = randomise(binarize(network, scheme)).eval()
    x = torch.randn((SAMPLES, *setting.input), generator=torch.Generator().manual_seed(1))
    file = tmp_path / "network.fwt"
    container.write(file, pack(converted, x[:1], {}, {}))
    with torch.no_grad():
        expected = converted(x)
        assert torch.equal(load(file)(x), expected)
    session = Session(file)
    pairs = zip(session.run(x.numpy()), expected.numpy(), strict=True)
    agreeing = sum(relative_error(ours, theirs) <= LIMIT for ours, theirs in pairs)
    assert agreeing >= MOST
    wanted = "binary" if SCHEMES[scheme].binary_input else "binary_weight"  # type: ignore[index]
    found = [layer for layer in session.layers if layer.format == wanted]
    assert len(found) == len(binary_layers(converted)) >= len(candidates) > 0
