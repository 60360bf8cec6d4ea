"""What can be chosen: a space of architectures as a row of decisions.

An architecture is one option a decision, in the order of the decisions. A decision may have no say
(the kernel of a block that an earlier decision leaves out); it then holds its first option, so that
one network has one text: `mobile:stem=16,stage1.depth=1,...`.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from featherweight.errors import InvalidArgumentError
from featherweight.search.costs import Cost, plan_cost
from featherweight.search.plan import Plan

Option = int | float | str
Choices = tuple[int, ...]
"""The index of the chosen option, by decision."""


@dataclass(frozen=True)
class Decision:
    """One thing to decide, and what it may be."""

    name: str
    options: tuple[Option, ...]
    layer: int = 0
    """The layer or block that it is about; 0: the whole network."""
    anchor: tuple[int, int] | None = None
    """(later, earlier) layer, where the decision is whether the later one also reads the earlier:
    options are 0 and 1."""


@dataclass(frozen=True)
class Space(ABC):
    """Decisions, and the network that they make. Spaces are values: equal fields, equal space."""

    name: str

    @cached_property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """What is decided, in order."""

    @abstractmethod
    def plan(
        self, architecture: "Architecture", shape: tuple[int, int, int], num_classes: int
    ) -> Plan:
        """The layers of an architecture that sees pictures of `shape` (channels, height, width)."""

    def cost(self, architecture: "Architecture", plan: Plan) -> Cost:
        """What an architecture costs, given its plan."""
        del architecture
        return plan_cost(plan)

    def is_active(self, index: int, earlier: Mapping[str, Option]) -> bool:
        """Whether decision `index` has a say, given the options chosen before it."""
        del index, earlier
        return True

    @cached_property
    def count(self) -> int:
        """How many architectures there are; each counts once, by its text."""
        return _count(self, 0, {})

    def architecture(self, choices: Sequence[int]) -> "Architecture":
        """The architecture of these choices; decisions without a say go to their first option.

        Raises:
            InvalidArgumentError: not one valid index a decision.
        """
        sizes = [len(decision.options) for decision in self.decisions]
        if len(choices) != len(sizes) or any(
            not 0 <= choice < size for choice, size in zip(choices, sizes, strict=True)
        ):
            raise InvalidArgumentError(
                f"choices of space {self.name!r} must be {len(sizes)} indices of options, "
                f"but got {tuple(choices)}."
            )
        kept: list[int] = []
        values: dict[str, Option] = {}
        for index, (decision, choice) in enumerate(zip(self.decisions, choices, strict=True)):
            kept.append(choice if self.is_active(index, values) else 0)
            values[decision.name] = decision.options[kept[-1]]
        return Architecture(self, tuple(kept))

    def sample(self, generator: random.Random) -> "Architecture":
        """One architecture, every decision drawn evenly from its options."""
        return self.architecture(
            [generator.randrange(len(decision.options)) for decision in self.decisions]
        )

    def mutate(self, architecture: "Architecture", generator: random.Random) -> "Architecture":
        """Another architecture that differs in one decision that has a say."""
        free = [index for index in architecture.active if len(self.decisions[index].options) > 1]
        if not free:
            return architecture
        index = generator.choice(free)
        current = architecture.choices[index]
        others = [i for i in range(len(self.decisions[index].options)) if i != current]
        choices = list(architecture.choices)
        choices[index] = generator.choice(others)
        return self.architecture(choices)

    def all(self) -> Iterator["Architecture"]:
        """Every architecture once, in the order of its choices."""
        yield from (Architecture(self, choices) for choices in _walk(self, (), {}))

    def parse(self, text: str) -> "Architecture":
        """The architecture of `NAME:decision=option,...` (the name may be left out).

        Raises:
            InvalidArgumentError: a decision or an option that the space does not have.
        """
        body = text.removeprefix(f"{self.name}:")
        given = dict(part.partition("=")[::2] for part in filter(None, body.split(",")))
        choices = []
        for decision in self.decisions:
            options = [str(option) for option in decision.options]
            option = given.pop(decision.name, options[0])
            if option not in options:
                raise InvalidArgumentError(
                    f"`{decision.name}` must be one of {', '.join(options)} in space "
                    f"{self.name!r}, but got {decision.name}={option}."
                )
            choices.append(options.index(option))
        if given:
            raise InvalidArgumentError(
                f"space {self.name!r} decides {', '.join(d.name for d in self.decisions)}, "
                f"but {text!r} also says {', '.join(given)}."
            )
        return self.architecture(choices)


@dataclass(frozen=True)
class Architecture:
    """One architecture of a space, in its one form: made by `Space.architecture`."""

    space: Space
    choices: Choices

    @property
    def values(self) -> dict[str, Option]:
        """What was chosen, by the decision's name."""
        return {
            decision.name: decision.options[choice]
            for decision, choice in zip(self.space.decisions, self.choices, strict=True)
        }

    @property
    def active(self) -> tuple[int, ...]:
        """The indices of the decisions that have a say."""
        values: dict[str, Option] = {}
        found = []
        for index, decision in enumerate(self.space.decisions):
            if self.space.is_active(index, values):
                found.append(index)
            values[decision.name] = decision.options[self.choices[index]]
        return tuple(found)

    @cached_property
    def text(self) -> str:
        """`NAME:decision=option,...`, of the decisions that have a say."""
        values = self.values
        names = [self.space.decisions[index].name for index in self.active]
        return f"{self.space.name}:" + ",".join(f"{name}={values[name]}" for name in names)

    def __str__(self) -> str:
        return self.text

    def plan(self, shape: tuple[int, int, int], num_classes: int) -> Plan:
        """Its layers; see `Space.plan`."""
        return self.space.plan(self, shape, num_classes)


def _count(space: Space, index: int, values: dict[str, Option]) -> int:
    """Decisions whose options leave the same later ones active are counted by multiplication."""
    if index == len(space.decisions):
        return 1
    decision = space.decisions[index]
    if not space.is_active(index, values):
        return _count(space, index + 1, {**values, decision.name: decision.options[0]})
    ways = [{**values, decision.name: option} for option in decision.options]
    if len({_activity(space, index + 1, way) for way in ways}) == 1:
        return len(ways) * _count(space, index + 1, ways[0])
    return sum(_count(space, index + 1, way) for way in ways)


def _activity(space: Space, start: int, values: dict[str, Option]) -> tuple[bool, ...]:
    """Which later decisions have a say when every one of them takes its last option."""
    values = dict(values)
    found = []
    for index in range(start, len(space.decisions)):
        found.append(space.is_active(index, values))
        values[space.decisions[index].name] = space.decisions[index].options[-1]
    return tuple(found)


def _walk(space: Space, choices: Choices, values: dict[str, Option]) -> Iterator[Choices]:
    index = len(choices)
    if index == len(space.decisions):
        yield choices
        return
    decision = space.decisions[index]
    options = range(len(decision.options)) if space.is_active(index, values) else (0,)
    for choice in options:
        value = {**values, decision.name: decision.options[choice]}
        yield from _walk(space, (*choices, choice), value)
