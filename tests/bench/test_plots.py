"""Figures: well-formed SVG in the page's colours, saying the right numbers."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from featherweight.bench.figures import THEME
from featherweight.bench.plots import (
    DensityPoint,
    Remaining,
    accuracy_by_density,
    remaining_parameters,
    size_bars,
    weight_histograms,
)

RANDOM = np.random.default_rng(0)
TRAINED = RANDOM.normal(0, 0.1, 20_000).astype(np.float32)
PRUNED = np.where(np.abs(TRAINED) > 0.15, TRAINED, 0)
SHARED = np.sign(PRUNED) * np.float32(0.2)
STAGES = {"after training": TRAINED, "after pruning": PRUNED, "after sharing": SHARED}
POINTS = (
    DensityPoint(1.0, 97.5, "cut"), DensityPoint(0.1, 90.0, "cut"), DensityPoint(0.1, 97.0, "kept"),
)  # fmt: skip
SIZES = (("float32", 1_720_000), ("pruned", 150_000.0), ("the file", 17_200))
FIGURES = {
    "histograms": lambda: weight_histograms("ip1", STAGES),
    "remaining": lambda: remaining_parameters([Remaining("ip1", 400_000, 8_000, 8.0)]),
    "sizes": lambda: size_bars(SIZES),
    "accuracy": lambda: accuracy_by_density(POINTS),
}


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter("text")]


@pytest.mark.parametrize("name", FIGURES)
def test_svg_is_for_a_page(name):
    svg = FIGURES[name]()
    assert ElementTree.fromstring(svg).tag == "svg"
    assert "http" not in svg
    assert not [colour for colour in THEME if colour in svg.lower()]
    assert "currentColor" in svg
    assert "var(--blue)" in svg
    used = set(re.findall(r"#([\w-]+)", svg))
    assert set(re.findall(r' id="([^"]*)"', svg)) <= used
    assert FIGURES[name]() == svg  # the same bytes every time


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("histograms", ["weights", "value of the weight"]),
        ("remaining", ["weights left, % of the layer"]),
        ("sizes", ["size of the whole network, MB"]),
        ("accuracy", ["weights left, %", "top-1 on validation, %"]),
    ],
)
def test_axes_are_labelled_with_units(name, labels):
    assert set(labels) <= set(texts(FIGURES[name]()))


def test_histograms_say_how_much_is_left():
    kept = int((PRUNED != 0).sum())
    share = f"{kept:,} weights ({100 * kept / 20_000:.1f} %)"
    found = texts(weight_histograms("ip1", STAGES))
    assert "after training: 20.0k weights" in found
    assert f"after pruning: {share}" in found
    assert f"after sharing: {share}" in found


@pytest.mark.parametrize("weights", [np.zeros(5), np.full(5, 0.5), np.array([]), np.arange(1000.0)])
def test_histograms_of_odd_weights(weights):
    assert any(
        text.startswith("stage: ") for text in texts(weight_histograms("x", {"stage": weights}))
    )


def test_bars_say_their_numbers():
    assert "2.0 %, 8,000 of 400.0k" in texts(FIGURES["remaining"]())
    found = texts(FIGURES["sizes"]())
    assert {"1.7 MB", "150.0 kB, 11.5×", "17.2 kB, 100.0×"} <= set(found)


def test_the_papers_share_is_marked_only_where_there_is_one():
    bars = [Remaining("ip1", 10, 1)]
    assert "var(--orange)" not in remaining_parameters(bars)
    assert "var(--orange)" in FIGURES["remaining"]()


def test_series_are_named():
    assert {"cut", "kept"} <= set(texts(FIGURES["accuracy"]()))
    assert "stroke-dasharray" in FIGURES["accuracy"]()
    assert "stroke-dasharray" not in accuracy_by_density([DensityPoint(0.1, 90.0)])


def test_names_are_text_and_nothing_else():
    name = "<script>alert(1)</script> & $x^$ _a"
    assert name in texts(remaining_parameters([Remaining(name, 10, 1)]))
