import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featherweight.errors import InvalidArgumentError
from featherweight.search.spaces.cell import CellSpace
from featherweight.search.spaces.chain import ChainSpace
from featherweight.search.spaces.mobile import MobileSpace, Stage
from featherweight.search.spaces.registry import find_space, parse_architecture, space_names

SMALL = (
    ChainSpace("a", layers=3, heights=(1, 3), widths=(1,), filters=(4, 8), chained=False),
    ChainSpace("b", layers=4, heights=(3,), widths=(1, 3), filters=(4,), chained=True),
    MobileSpace(
        "c",
        stages=(Stage((8,), (0, 1, 2)), Stage((8, 16), (1, 2), 2)),
        blocks=("inverted", "shuffle"),
        kernels=(3, 5),
        expansions=(1, 2, 4),
        groups=(2, 4),
        squeeze=(0,),
    ),
    CellSpace("d", nodes=2, operations=("identity", "sep3"), stages=1),
)


@pytest.mark.parametrize("space", SMALL, ids=lambda space: space.name)
def test_count_is_that_of_enumeration_and_every_text_is_its_own(space) -> None:
    texts = [architecture.text for architecture in space.all()]
    assert len(texts) == len(set(texts)) == space.count


@pytest.mark.parametrize("name", space_names())
@given(seed=st.integers(0, 10_000))
def test_text_reads_back_and_mutation_changes_one_decision(name: str, seed: int) -> None:
    space, generator = find_space(name), random.Random(seed)
    architecture = space.sample(generator)
    assert parse_architecture(architecture.text) == architecture
    child = space.mutate(architecture, generator)
    assert child != architecture
    both = set(architecture.active) & set(child.active)
    differing = [i for i in both if architecture.choices[i] != child.choices[i]]
    assert len(differing) == 1


def test_decisions_without_a_say_make_no_difference() -> None:
    space = SMALL[2]
    names = [decision.name for decision in space.decisions]
    choices = [0] * len(names)  # depth1 = 0: the kernel of stage 1 says nothing
    choices[names.index("kernel1")] = 1
    assert space.architecture(choices) == space.architecture([0] * len(names))


def test_unknown_options_and_decisions_are_named() -> None:
    with pytest.raises(InvalidArgumentError, match=r"`height1` must be one of 1, 3 .* height1=7"):
        find_space("chain-table").parse("chain-table:height1=7")
    with pytest.raises(InvalidArgumentError, match="also says colour"):
        find_space("chain-table").parse("chain-table:colour=1")
    with pytest.raises(InvalidArgumentError, match="no space 'large'"):
        find_space("large")


def test_a_cell_reads_what_was_decided() -> None:
    """Node 1 adds the last cell and its 3x3 convolution; node 2 pools node 1 and the one before."""
    space = CellSpace("cell", nodes=2, operations=("identity", "sep3", "max3"), stages=2)
    values = (
        "normal1.from1=1,normal1.from2=1,normal1.op2=sep3,"
        "normal2.from1=2,normal2.op1=max3,normal2.from2=0,"
        "reduction1.from1=0,reduction1.from2=1,reduction2.from1=1,reduction2.from2=1"
    )
    plan = space.parse(values).plan((1, 8, 8), 10)
    layers = {layer.name: layer for layer in plan.layers}
    assert layers["stage1.0.node1"].inputs == ("stage1.0.in1", "stage1.0.node1.2.pointwise")
    assert layers["stage1.0.node1.2.depthwise"].inputs == ("stage1.0.in1",)
    assert layers["stage1.0.node2"].inputs == ("stage1.0.node2.1", "stage1.0.in0")
    assert layers["stage1.0.node2.1"].inputs == ("stage1.0.node1",)
    # Node 2 is all that no other reads, and reduction halves the map and doubles the width.
    assert layers["reduction2.in1"].inputs == ("stage1.0.node2",)
    assert layers["reduction2.out"].shape == (64, 4, 4)
    assert layers["reduction2.node1.1"].stride == 2
