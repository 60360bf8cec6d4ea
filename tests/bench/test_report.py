"""The report: every section, one file, nothing from elsewhere, names escaped."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from featherweight.bench.plots import DensityPoint
from featherweight.bench.published import PublishedNetwork, PublishedRow
from featherweight.bench.report import NetworkReport, ReportInput, render_report, write_report
from featherweight.recipes.accounting import LayerRow

ROWS = (
    LayerRow("ip1.weight", 1000, 100, 4, 4.4, 3.0, 5.5, 4.0, 0.03, 0.02, 90, "context"),
    LayerRow("ip2.weight", 200, 200, 2, 2.0, 1.5, 0.0, 0.0, 0.07, 0.06, 45, "huffman"),
)
WEIGHTS = np.linspace(-1, 1, 1000)
NETWORK = NetworkReport(
    name="lenet-300-100",
    data="mnist5k",
    rows=ROWS,
    params=1210,
    file_bytes=242,
    reference_top1=94.25,
    compressed_top1=94.5,
    published=PublishedNetwork(
        1.64, 1.58, 40,
        {"ip1": PublishedRow("235K", 8, 6, 4.4, 5, 3.7, 3.1, 2.32)},
        PublishedRow("266K", 8, 6, 5.1, 5, 3.7, 3.1, 2.49),
    ),
    weights={
        "after training": {"ip1": WEIGHTS, "ip2": WEIGHTS},
        "after pruning": {"ip1": np.where(np.abs(WEIGHTS) > 0.9, WEIGHTS, 0), "ip2": WEIGHTS},
    },
    accuracy_by_density=(DensityPoint(1.0, 94.0), DensityPoint(0.1, 90.0)),
    untouched=(("ip2.bias", 40),),
    recipe="name: small\n",
    notes=("A note on the network.",),
)  # fmt: skip
REPORT = ReportInput("Both LeNets", (NETWORK, replace(NETWORK, name="lenet-5")), ("Seed 0.",))


class _Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(REPORT)


def test_every_section_is_there(html):
    page = _Page(html)
    for part in (
        "Both LeNets", "Seed 0.", "lenet-300-100 on mnist5k", "lenet-5 on mnist5k",
        "20.0×", "paper 40×", "242 B", "of 4.8 kB float32", "94.25 %", "94.50 %", "+0.25 points",
        "paper 98.36 %", "paper 98.42 %", "Layer by layer", "235K", "266K", "2.32", "total",
        "Stored as they are: ip2.bias (40 B).", "Remaining parameters in the layers",
        "Size by stage", "Accuracy by density", "Distribution of the weights of ip1",
        "Distribution of the weights of ip2", "after training: 1,000 weights",
        "after pruning: 100 weights (10.0 %)", "A note on the network.", "name: small",
        "arXiv 1510.00149",
    ):  # fmt: skip
        assert part in page.text, part
    assert page.count("svg") == page.count("figure") == 2 * 5
    assert page.count("table") == 3  # the overview and one a network


def test_it_needs_nothing_from_elsewhere(html):
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", html)
    page = _Page(html)
    assert {"link", "script", "img", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
    links = [a["href"] for _, a in page.tags if a.get("href")]
    assert all(link.startswith("#") for link in links)


def test_it_serves_phones_and_both_colour_schemes(html):
    assert 'name="viewport"' in html
    assert "prefers-color-scheme: dark" in html
    declared = set(re.findall(r"(--\w+):", html))
    assert set(re.findall(r"var\((--\w+)\)", html)) <= declared


def test_names_are_escaped_everywhere():
    bad = "<script>alert('x')</script>"
    rows = (replace(ROWS[0], name=bad, coder=bad),)
    network = replace(
        NETWORK, name=bad, data=bad, rows=rows, untouched=((bad, 1),), recipe=bad, notes=(bad,),
        weights={bad: {bad: WEIGHTS}}, accuracy_by_density=(DensityPoint(0.5, 1.0, bad),),
        sizes=((bad, 10), (bad, 1)),
    )  # fmt: skip
    html = render_report(ReportInput(bad, (network, network), (bad,)))
    assert "<script" not in html
    assert _Page(html).text.count(bad) > 15


def test_what_is_missing_is_left_out():
    bare = NetworkReport("net", None, (), params=10, file_bytes=20)
    html = render_report(ReportInput("One", (bare,)))
    page = _Page(html)
    assert "net" in page.text
    assert "2.0×" in page.text
    assert "–" in page.text  # no accuracy without data
    for part in ("Layer by layer", "What is left", "Distribution", "paper", "The recipe", "Stored"):
        assert part not in page.text
    assert page.count("svg") == 0


def test_it_is_written_whole(tmp_path):
    target = tmp_path / "deep" / "report.html"
    write_report(target, REPORT)
    assert target.read_text(encoding="utf-8") == render_report(REPORT)
    assert list(target.parent.iterdir()) == [target]
