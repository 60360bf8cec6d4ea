"""The table: totals and sizes by hand, the paper's figures beside ours, both widths."""

import io

import numpy as np
import pytest
from rich.console import Console

from featherweight.bench.published import PublishedNetwork, PublishedRow
from featherweight.bench.tables import (
    COLUMNS,
    format_count,
    layer_table,
    size_by_stage,
    table_cells,
    total_row,
)
from featherweight.container.graph import CodedTensor
from featherweight.recipes.accounting import LayerRow, layer_row

ROWS = (
    LayerRow("ip1.weight", 1000, 100, 4, 4.4, 3.0, 5.5, 4.0, 0.03, 0.02, 90, "context"),
    LayerRow("ip2.weight", 200, 200, 2, 2.0, 1.5, 0.0, 0.0, 0.07, 0.06, 45, "huffman"),
    LayerRow("ip2.bias", 10, 10, None, 32.0, 32.0, 0.0, 0.0, 1.0, 1.0, 40, "raw"),
)
PAPER = PublishedNetwork(
    1.64, 1.58, 40,
    {"ip1": PublishedRow("235K", 8, 6, 4.4, 5, 3.7, 3.1, 2.32)},
    PublishedRow("266K", 8, 6, 5.1, 5, 3.7, 3.1, 2.49),
)  # fmt: skip


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (500, "500"), (9_999, "9,999"), (25_000, "25.0k"), (37_748_736, "37.7M")],
)
def test_counts(count, text):
    assert format_count(count) == text


def test_the_total_is_a_mean_over_kept_weights_and_over_all_weights():
    total = total_row(ROWS)
    assert (total.params, total.kept, total.file_bytes) == (1210, 310, 175)
    assert total.weight_bits == pytest.approx((440 + 400 + 320) / 310)
    assert total.weight_bits_huffman == pytest.approx((300 + 300 + 320) / 310)
    assert total.index_bits == pytest.approx(550 / 310)
    assert total.index_bits_huffman == pytest.approx(400 / 310)
    assert total.rate_shared == pytest.approx((30 + 14 + 10) / 1210)
    assert total.rate_coded == pytest.approx((20 + 12 + 10) / 1210)


def test_cells_hold_ours_and_the_papers():
    cells = table_cells(ROWS, PAPER)
    assert len(cells) == 4
    assert [cell.ours for cell in cells[0]] == [
        "ip1", "1,000", "10.0", "4.4", "3.0", "5.5", "4.0", "3.00", "2.00", "90 B", "context",
    ]  # fmt: skip
    assert [cell.paper for cell in cells[0]] == [
        "", "235K", "8", "6", "4.4", "5", "3.7", "3.1", "2.32", "", "",
    ]  # fmt: skip
    assert {cell.paper for cell in cells[1]} == {""}  # the paper has no such layer
    assert cells[2][0].ours == "ip2.bias"
    assert cells[1][5].ours == "–"  # nothing was pruned: no index
    assert cells[3][1].paper == "266K"


def test_no_rows_no_total():
    assert table_cells((), PAPER) == []


def test_size_by_stage_against_counting():
    random = np.random.default_rng(0)
    positions = np.sort(random.choice(5000, 200, replace=False))
    codebook = np.linspace(-1, 1, 8, dtype=np.float32)
    codes = random.integers(0, 8, 200).astype(np.uint8)
    tensor = CodedTensor(
        "w", "float32", (50, 100), "sparse_shared",
        positions=positions, codebook=codebook, codes=codes,
    )  # fmt: skip
    row = layer_row(tensor, index_bits=4, file_bytes=123, coder="rans")
    sizes = dict(size_by_stage([row], params=5010, file_bytes=777))
    gaps = np.diff(positions, prepend=-1) - 1
    entries = 200 + int((gaps // 16).sum())  # a padding zero covers 15 zeros and its own
    rest = 10 * 4
    assert sizes["float32"] == 5010 * 4
    assert sizes["pruned"] == pytest.approx(entries * (32 + 4) / 8 + rest)
    assert sizes["shared"] == pytest.approx(entries * (3 + 4) / 8 + 8 * 4 + rest)
    assert sizes["Huffman"] == pytest.approx(row.rate_coded * 5000 * 4 + rest)
    assert sizes["the file"] == 777


def printed(width: int, published: PublishedNetwork | None) -> str:
    target = io.StringIO()
    table = layer_table("[bold]net", ROWS, published, width)
    Console(file=target, width=width).print(table)
    return target.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_everything_is_printed_at_both_widths(width):
    text = printed(width, PAPER)
    assert "[bold]net" in text  # a name is no markup
    for cells in table_cells(ROWS, PAPER):
        for cell in cells:
            assert cell.ours in text
            assert cell.paper in text
    assert "…" not in text
    assert "arXiv 1510.00149" in text
    for column in COLUMNS:
        assert column.header.split()[0] in text


def test_without_the_paper_nothing_is_said_of_it():
    assert "arXiv" not in printed(80, None)
