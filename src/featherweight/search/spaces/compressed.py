"""Architecture and compression as one choice: what another space decides, then how it is stored.

A network of few weights at full precision and one of many weights at few bits may fill the same
file: only a search over both can say which is better. Convolutions and dense layers each have a
density (pruned by magnitude) and a number of bits (k-means): Deep Compression's two choices
(arXiv 1510.00149), as decisions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from featherweight.functional.coding_length import FLOAT_BITS, mask_entropy_bits
from featherweight.recipes import LayerRule, Recipe
from featherweight.recipes.recipe import PruningStage, SharingStage
from featherweight.search.costs import Cost, layer_weights, plan_cost
from featherweight.search.plan import Plan, Shape
from featherweight.search.spaces.space import Architecture, Decision, Option, Space
from featherweight.training import TrainingConfig

_CODE_SHARE = 0.95
"""Entropy of the codes of k-means over weights, per bit of them: centroids are not used evenly."""
_RECIPE_BYTES, _BYTES_PER_LAYER = 300, 60
"""The recipe in the metadata; what a file says of coded weights beside what it says of raw ones."""
_PATTERNS = {"linear": "layers.classifier", "conv": "*"}
"""Which layers of a `PlannedNetwork` each kind of decision is about; the first that fits holds."""


@dataclass(frozen=True)
class CompressedSpace(Space):
    """The architectures of `inner`, each at every density and number of bits."""

    inner: Space
    densities: tuple[float, ...] = (1.0, 0.7, 0.5, 0.3)
    """Share of the weights that stay."""
    bits: tuple[int, ...] = (3, 4, 5, 6)
    """Weights share 2^bits values."""

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        how = [
            Decision(f"{kind}.{what}", options)
            for kind in reversed(_PATTERNS)
            for what, options in (("density", self.densities), ("bits", self.bits))
        ]
        return (*self.inner.decisions, *how)

    def is_active(self, index: int, earlier: Mapping[str, Option]) -> bool:
        """Compression always has a say."""
        return index >= len(self.inner.decisions) or self.inner.is_active(index, earlier)

    def plan(self, architecture: Architecture, shape: Shape, num_classes: int) -> Plan:
        """The layers of the network before it is compressed."""
        inner = self.inner.architecture(architecture.choices[: len(self.inner.decisions)])
        return inner.plan(shape, num_classes)

    def recipe(self, architecture: Architecture, training: TrainingConfig) -> Recipe:
        """How the trained network is compressed: pruned while it learns on, then shared."""
        values = architecture.values
        rules = tuple(
            LayerRule(
                pattern,
                density=float(values[f"{kind}.density"]),
                num_bits=int(values[f"{kind}.bits"]),
            )
            for kind, pattern in _PATTERNS.items()
        )
        sharing = SharingStage(training=replace(SharingStage().training, epochs=1))
        return Recipe(
            "searched", rules, source=architecture.text,
            pruning=PruningStage(training=training), sharing=sharing,
        )  # fmt: skip

    def cost(self, architecture: Architecture, plan: Plan) -> Cost:
        """Of the network as it is trained; the file's size is the compressed one's, about.

        That is the entropy of each mask, and a code for each weight kept.
        """
        values, shapes = architecture.values, plan.input_shapes()
        saved = -8.0 * _RECIPE_BYTES
        for layer in plan.layers:
            if layer.op not in ("conv", "linear", "squeeze-excite"):
                continue
            kind = "linear" if layer.op == "linear" else "conv"
            density = float(values[f"{kind}.density"])
            bits = int(values[f"{kind}.bits"])
            weights = layer_weights(layer, shapes[layer.name])
            kept = round(density * weights)
            coded = mask_entropy_bits(weights, kept) + kept * _CODE_SHARE * bits
            told = FLOAT_BITS * 2**bits + 8 * _BYTES_PER_LAYER
            saved += FLOAT_BITS * weights - coded - told
        dense = plan_cost(plan)
        return replace(dense, file_bytes=dense.file_bytes - round(saved / 8))
