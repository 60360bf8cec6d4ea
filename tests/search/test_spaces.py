import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featherweight.errors import InvalidArgumentError
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
