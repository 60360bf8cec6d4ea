"""Mobile blocks: kernel, expansion, width, depth, squeeze-and-excite, activation, resolution.

Around MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381), whose inverted residual is the block
`inverted`, and ShuffleNet (Zhang et al. 2017, arXiv 1707.01083), whose unit with `groups` is the
block `shuffle`; searched by stage as in MnasNet (Tan et al. 2018, arXiv 1807.11626): all blocks of
a stage are alike.

The stem may first average the picture over squares of `resolution` pixels; stages that start with a
stride are the same for all architectures. Blocks past a stage's `depth` are left out, with no
decision of their own.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from featherweight.search.plan import INPUT, Plan, PlanWriter
from featherweight.search.spaces.space import Architecture, Decision, Option, Space


@dataclass(frozen=True)
class Stage:
    """Options of one stage's blocks."""

    widths: tuple[int, ...]
    """Output channels."""
    depths: tuple[int, ...]
    stride: int = 1
    """Of its first block."""


@dataclass(frozen=True)
class MobileSpace(Space):
    """A stem, stages of blocks, a last 1x1 convolution, the classifier."""

    stages: tuple[Stage, ...] = ()
    stems: tuple[int, ...] = (16,)
    stem_stride: int = 1
    lasts: tuple[int, ...] = (128,)
    """Channels of the last 1x1 convolution."""
    blocks: tuple[str, ...] = ("inverted",)
    kernels: tuple[int, ...] = (3, 5)
    expansions: tuple[int, ...] = (2, 4, 6)
    groups: tuple[int, ...] = (2,)
    squeeze: tuple[int, ...] = (0, 1)
    """Whether blocks squeeze and excite."""
    activations: tuple[str, ...] = ("relu6",)
    resolutions: tuple[int, ...] = (1,)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        found = [
            Decision("resolution", self.resolutions),
            Decision("activation", self.activations),
            Decision("stem", self.stems),
        ]
        for number, stage in enumerate(self.stages, start=1):
            by_stage: tuple[tuple[str, tuple[Option, ...]], ...] = (
                ("depth", stage.depths),
                ("width", stage.widths),
                ("block", self.blocks),
                ("kernel", self.kernels),
                ("expansion", self.expansions),
                ("groups", self.groups),
                ("se", self.squeeze),
            )
            found += [Decision(f"{what}{number}", options, number) for what, options in by_stage]
        found.append(Decision("last", self.lasts))
        return tuple(decision for decision in found if len(decision.options) > 1)

    def is_active(self, index: int, earlier: dict[str, Option]) -> bool:  # type: ignore[override]
        decision = self.decisions[index]
        what = decision.name.rstrip("0123456789")
        if not decision.layer or what == "depth":
            return True
        number = decision.layer
        if earlier.get(f"depth{number}", self.stages[number - 1].depths[0]) == 0:
            return False
        block = earlier.get(f"block{number}", self.blocks[0])
        needed = {"expansion": "inverted", "groups": "shuffle"}.get(what)
        return needed is None or block == needed

    def plan(
        self, architecture: Architecture, shape: tuple[int, int, int], num_classes: int
    ) -> Plan:
        values = architecture.values
        writer = PlanWriter(shape)
        source = INPUT
        resolution = cast(int, values.get("resolution", self.resolutions[0]))
        if resolution > 1:
            source = writer.pool("resolution", "avg", source, 1 + resolution // 2 * 2, resolution)
        act = str(values.get("activation", self.activations[0]))
        stem = cast(int, values.get("stem", self.stems[0]))
        source = writer.conv("stem", source, stem, 3, self.stem_stride, activation=act)
        for number, stage in enumerate(self.stages, start=1):
            for index in range(cast(int, values.get(f"depth{number}", stage.depths[0]))):
                block = self._block(values, number, act)
                stride = stage.stride if index == 0 else 1
                source = block.write(writer, f"stage{number}.{index}", source, stride)
        last = cast(int, values.get("last", self.lasts[0]))
        return writer.classify(writer.conv("last", source, last, activation=act), num_classes)

    def _block(self, values: dict[str, Option], number: int, activation: str) -> "Block":
        def chosen(what: str, options: tuple[Option, ...]) -> Option:
            return values.get(f"{what}{number}", options[0])

        return Block(
            kind=str(chosen("block", self.blocks)),
            width=cast(int, chosen("width", self.stages[number - 1].widths)),
            kernel=cast(int, chosen("kernel", self.kernels)),
            expansion=cast(int, chosen("expansion", self.expansions)),
            groups=cast(int, chosen("groups", self.groups)),
            squeeze=bool(chosen("se", self.squeeze)),
            activation=activation,
        )


@dataclass(frozen=True)
class Block:
    """One block as it was decided."""

    kind: str
    width: int
    kernel: int
    expansion: int
    groups: int
    squeeze: bool
    activation: str

    def write(self, writer: PlanWriter, name: str, source: str, stride: int) -> str:
        """Append the block's layers and return its output."""
        if self.kind == "shuffle":
            return self._shuffle(writer, name, source, stride)
        return self._inverted(writer, name, source, stride)

    def _inverted(self, writer: PlanWriter, name: str, source: str, stride: int) -> str:
        channels = writer.shape(source)[0]
        hidden = channels * self.expansion
        x = source
        if self.expansion > 1:
            x = writer.conv(f"{name}.expand", x, hidden, activation=self.activation)
        x = writer.conv(
            f"{name}.depthwise", x, hidden, self.kernel, stride, groups=hidden,
            activation=self.activation,
        )  # fmt: skip
        if self.squeeze:
            x = writer.squeeze_excite(f"{name}.se", x)
        x = writer.conv(f"{name}.project", x, self.width, activation="")
        if stride == 1 and channels == self.width:
            return writer.add(f"{name}.add", (source, x))
        return x

    def _shuffle(self, writer: PlanWriter, name: str, source: str, stride: int) -> str:
        """Figure 2b, or 2c where the map changes; the first convolution is whole where it must."""
        channels = writer.shape(source)[0]
        keeps = channels == self.width and stride == 1
        widens = self.width > channels and stride == 2
        hidden = max(1, self.width // 4 // self.groups) * self.groups
        first = self.groups if channels % self.groups == 0 else 1
        branch = self.width - channels if widens else self.width
        second = self.groups if branch % self.groups == 0 else 1
        x = writer.conv(f"{name}.reduce", source, hidden, groups=first, activation=self.activation)
        x = writer.shuffle(f"{name}.shuffle", x, self.groups)
        x = writer.conv(
            f"{name}.depthwise", x, hidden, self.kernel, stride, groups=hidden, activation=""
        )
        x = writer.conv(f"{name}.expand", x, branch, groups=second, activation="")
        if self.squeeze:
            x = writer.squeeze_excite(f"{name}.se", x)
        if widens:
            x = writer.concat(
                f"{name}.concat", (writer.pool(f"{name}.shortcut", "avg", source, 3, 2), x)
            )
        elif keeps:
            x = writer.add(f"{name}.add", (source, x))
        return writer.act(f"{name}.act", x, self.activation)
