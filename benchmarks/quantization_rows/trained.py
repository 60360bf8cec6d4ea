"""Bar 2: trained networks on fashion-mnist, 8 bits without training and 4 bits with it.

The networks are those of `tradeoff_training.py` (three epochs, framed to 32 x 32), trained four
epochs more, which is worth up to 2.5 points. Test is read when a case is done; nothing is chosen by
it. A network of 4 bits then learns four epochs again; in the row beside it the float32 network does
just the same, which says how much of a gain is the training's.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import harness
from featherweight.data import Dataset, load, padded
from featherweight.quantization import UniformConfig
from featherweight.recipes import LayerRule, Recipe, Settings, compress
from featherweight.recipes.recipe import UniformStage
from featherweight.training import TrainingConfig, evaluate, fit
from quantization_rows.kept import kept
from tradeoff_training import Trainer, plan

NETWORKS = ("lenet-5", "mobilenet-v2", "resnet-18")
LOST_8_BAR = 0.2
LOST_4_BAR = 0.5
EPOCHS = 4
TRAINING = TrainingConfig(
    epochs=EPOCHS, learning_rate=1e-3, weight_decay=1e-4, horizontal_flip=True
)
EIGHT = UniformConfig()
FOUR = UniformConfig(weight_range="mse")


@dataclass(frozen=True)
class Case:
    """One way to quantize; `bar` in points of top-1."""

    name: str
    num_bits: int
    config: UniformConfig
    training: TrainingConfig | None = None
    bar: float | None = None

    @property
    def recipe(self) -> Recipe:
        rule = LayerRule("*", num_bits=self.num_bits, scheme="uniform")
        stage = UniformStage(self.config, self.training or TrainingConfig(epochs=0))
        return Recipe(self.name, (rule,), uniform=stage)


CASES = (
    Case("8 bits, post-training", 8, EIGHT, bar=LOST_8_BAR),
    Case("4-bit weights, trained", 4, UniformConfig(learned_step=True), TRAINING, LOST_4_BAR),
    Case("4-bit weights, post-training", 4, FOUR),
)


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """A row a network and case; what is missing is computed, unless in a hurry."""
    bench = Bench(options.work)
    found = []
    for case in CASES:
        for spec in NETWORKS:
            name = f"{spec} {case.name}"
            result = kept(slug(name), None if options.quick else bench.case(spec, case))
            if result is not None:
                found.append(_row(name, result, case))
    for spec in NETWORKS:
        control = kept(slug(f"{spec} float"), None if options.quick else bench.control(spec))
        if control is not None:
            gained = control["top1"] - control["reference_top1"]
            title = f"{spec} float32, trained {EPOCHS} epochs more: points gained"
            found.append(harness.Row(title, gained, "", f"top-1 {control['top1']:.2f} %"))
    return found


def _row(name: str, result: dict[str, Any], case: Case) -> harness.Row:
    lost = result["reference_top1"] - result["top1"]
    return harness.Row(
        f"{name}: points lost",
        lost,
        "",
        f"float32 {result['reference_top1']:.2f} %, {result['compression_ratio']:.1f}x smaller",
        bar=case.bar,
        met=None if case.bar is None else lost <= case.bar,
    )


def slug(name: str) -> str:
    return name.replace(",", "").replace(" ", "-")


class Bench:
    """The data and the trained networks, loaded when they are first needed."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self._data: Dataset | None = None

    @property
    def data(self) -> Dataset:
        if self._data is None:
            self._data = padded(load("fashion-mnist"), plan()["side"])
        return self._data

    def reference(self, spec: str) -> nn.Module:
        """The float32 network; what was trained before is read back."""
        module = Trainer(self.data, plan()["epochs"], self.work / "tradeoffs").reference(spec)
        return self.train(module, f"{spec} reference", seed=2)

    def train(self, module: nn.Module, name: str, seed: int) -> nn.Module:
        """Train `module` as a network of 4 bits is trained, but in float32."""
        settings = self.settings(name)
        assert settings.work is not None
        settings.work.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        fit(
            module, self.data, TRAINING, seed=seed,
            checkpoint=settings.work / "float.safetensors", report=settings.on_epoch("more"),
        )  # fmt: skip
        return module.eval()

    def settings(self, name: str) -> Settings:
        return Settings(
            work=self.work / "quantization" / slug(name),
            report=lambda stage, p: print(f"{name}: {stage} {p.epoch}/{p.epochs} {p.val_top1:.2f}"),
        )

    def case(self, spec: str, case: Case) -> Callable[[], dict[str, Any]]:
        def make() -> dict[str, Any]:
            file = self.work / "quantization" / f"{slug(f'{spec} {case.name}')}.fwt"
            file.parent.mkdir(parents=True, exist_ok=True)
            settings = self.settings(f"{spec} {case.name}")
            done = compress(self.reference(spec), case.recipe, self.data, file, settings=settings)
            assert done.reference is not None and done.compressed is not None
            return {
                "reference_top1": done.reference.top1,
                "top1": done.compressed.top1,
                "val_top1": evaluate(done.module, self.data, self.data.val).top1,
                "file_bytes": done.file_bytes,
                "compression_ratio": done.compression_ratio,
            }

        return make

    def control(self, spec: str) -> Callable[[], dict[str, Any]]:
        def make() -> dict[str, Any]:
            module = self.reference(spec)
            before = evaluate(module, self.data, self.data.test).top1
            self.train(module, f"{spec} float", seed=3)
            return {
                "reference_top1": before,
                "top1": evaluate(module, self.data, self.data.test).top1,
            }

        return make
