"""Deep Compression's table (arXiv 1510.00149, Tables 2 to 5): ours, with the paper's beside it.

The columns are data; the terminal and the HTML report both read them from here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from featherweight.bench.published import PublishedNetwork, PublishedRow
from featherweight.functional.coding_length import FLOAT_BITS
from featherweight.pruning.removal import RemovedFrom
from featherweight.recipes.accounting import LayerRow
from featherweight.units import format_bytes

NOTHING = "–"
CAPTION = (
    "Kept: share of the weights that pruning left. Bits: means over the kept weights. Rate: size "
    "over float32 size. P: pruned, Q: shared, H: Huffman-coded. In the file: what it really takes."
)
PAPER = "Dimmed: as printed in arXiv 1510.00149."
_NAMED = 3  # of layers that share their channels: a residual network's would fill the screen
_WIDE = 100  # columns of a terminal in which the paper's figures fit beside ours


@dataclass(frozen=True)
class Column:
    """One column: its two-line header, and how a cell is made from a row."""

    header: str
    detail: str
    ours: Callable[[LayerRow], str]
    paper: Callable[[PublishedRow], str]


def format_count(count: float) -> str:
    """A number of weights as people read it: 500, 235.2k, 37.7M."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if count >= limit:
            return f"{count / (1e6 if unit == 'M' else 1e3):.1f}{unit}"
    return f"{count:,.0f}"


def layer_name(tensor: str) -> str:
    """The name of a layer as the paper writes it: the tensor's, without ".weight"."""
    return tensor.removesuffix(".weight")


def _bits(value: float) -> str:
    return f"{value:.1f}" if value else NOTHING


def _nothing(_: PublishedRow) -> str:
    return ""


COLUMNS = (
    Column("Layer", "", lambda r: layer_name(r.name), _nothing),
    Column("Weights", "", lambda r: format_count(r.params), lambda p: p.weights),
    Column("Kept", "%", lambda r: f"{100 * r.density:.1f}", lambda p: f"{p.kept_percent:g}"),
    Column("Weight bits", "P+Q", lambda r: _bits(r.weight_bits), lambda p: f"{p.weight_bits:g}"),
    Column(
        "Weight bits",
        "P+Q+H",
        lambda r: _bits(r.weight_bits_huffman),
        lambda p: f"{p.weight_bits_huffman:g}",
    ),
    Column("Index bits", "P+Q", lambda r: _bits(r.index_bits), lambda p: f"{p.index_bits:g}"),
    Column(
        "Index bits",
        "P+Q+H",
        lambda r: _bits(r.index_bits_huffman),
        lambda p: f"{p.index_bits_huffman:g}",
    ),
    Column(
        "Rate %",
        "P+Q",
        lambda r: f"{100 * r.rate_shared:.2f}",
        lambda p: f"{p.rate_shared_percent:g}",
    ),
    Column(
        "Rate %",
        "P+Q+H",
        lambda r: f"{100 * r.rate_coded:.2f}",
        lambda p: f"{p.rate_coded_percent:g}",
    ),
    Column("In the file", "", lambda r: format_bytes(r.file_bytes), _nothing),
    Column("Coder", "", lambda r: r.coder, _nothing),
)


@dataclass(frozen=True)
class Cell:
    """What stands in one place of the table; `paper` is empty where the paper has nothing."""

    ours: str
    paper: str


def table_cells(
    rows: Sequence[LayerRow], published: PublishedNetwork | None
) -> list[tuple[Cell, ...]]:
    """The cells of each row; the last row is the total."""

    def line(row: LayerRow, paper: PublishedRow | None) -> tuple[Cell, ...]:
        return tuple(Cell(c.ours(row), c.paper(paper) if paper else "") for c in COLUMNS)

    layers = published.layers if published else {}
    lines = [line(row, layers.get(layer_name(row.name))) for row in rows]
    if rows:
        lines.append(line(total_row(rows), published.total if published else None))
    return lines


def total_row(rows: Sequence[LayerRow]) -> LayerRow:
    """All rows as one: bits are means over all kept weights, rates over all weights."""
    params, kept = sum(row.params for row in rows), sum(row.kept for row in rows)

    def per_kept(figure: Callable[[LayerRow], float]) -> float:
        return sum(figure(row) * row.kept for row in rows) / kept

    def per_param(figure: Callable[[LayerRow], float]) -> float:
        return sum(figure(row) * row.params for row in rows) / params

    return LayerRow(
        name="total",
        params=params,
        kept=kept,
        num_bits=None,
        weight_bits=per_kept(lambda row: row.weight_bits),
        weight_bits_huffman=per_kept(lambda row: row.weight_bits_huffman),
        index_bits=per_kept(lambda row: row.index_bits),
        index_bits_huffman=per_kept(lambda row: row.index_bits_huffman),
        rate_shared=per_param(lambda row: row.rate_shared),
        rate_coded=per_param(lambda row: row.rate_coded),
        file_bytes=sum(row.file_bytes for row in rows),
        coder="",
    )


def size_by_stage(
    rows: Sequence[LayerRow], params: int, file_bytes: int
) -> tuple[tuple[str, float], ...]:
    """(stage, bytes) of the whole network: what each step of Deep Compression leaves.

    All but the first and the last are computed from the table, with the paper's own storage (codes
    and relative indices of fixed width, then Huffman); parameters without a row count as float32.
    """
    rest = (params - sum(row.params for row in rows)) * FLOAT_BITS

    def pruned(row: LayerRow) -> float:
        entries = row.weight_bits / row.num_bits if row.num_bits else row.weight_bits / FLOAT_BITS
        return row.kept * (entries * FLOAT_BITS + row.index_bits)

    def rated(figure: Callable[[LayerRow], float]) -> float:
        return sum(figure(row) * row.params * FLOAT_BITS for row in rows)

    bits = (
        ("float32", params * FLOAT_BITS),
        ("pruned", rest + sum(pruned(row) for row in rows)),
        ("shared", rest + rated(lambda row: row.rate_shared)),
        ("Huffman", rest + rated(lambda row: row.rate_coded)),
        ("the file", file_bytes * 8),
    )
    return tuple((stage, count / 8) for stage, count in bits)


def layer_table(
    title: str,
    rows: Sequence[LayerRow],
    published: PublishedNetwork | None = None,
    width: int = _WIDE,
) -> Table:
    """The table for a terminal of `width` columns; the paper's figures are dimmed.

    They stand beside ours where there is room, below them otherwise.
    """
    caption = f"{CAPTION} {PAPER}" if published else CAPTION
    table = Table(
        title=Text(title),
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    for index, column in enumerate(COLUMNS):
        header = "\n".join((*column.header.split(), column.detail)).strip()
        is_number = 0 < index < len(COLUMNS) - 1
        table.add_column(header, justify="right" if is_number else "left", no_wrap=True)
    lines = table_cells(rows, published)
    separator = " " if width >= _WIDE else "\n"
    for index, line in enumerate(lines):
        is_total = index == len(lines) - 1
        cells = [
            Text.assemble(cell.ours, (separator + cell.paper if cell.paper else "", "dim"))
            for cell in line
        ]
        table.add_row(*cells, style="bold" if is_total else "")
    return table


def channel_table(removed: Sequence[RemovedFrom]) -> Table:
    """How many channels or neurons each layer made, and makes now."""
    table = Table(box=SIMPLE_HEAD, title="channels", title_justify="left")
    for header, justify in (("Layers", "left"), ("Before", "right"), ("Left", "right")):
        table.add_column(header, justify=justify)  # type: ignore[arg-type]
    for group in removed:
        table.add_row(coupled_layers(group), str(group.before), str(group.after))
    return table


def coupled_layers(group: RemovedFrom) -> str:
    """The layers that make the same channels, at most three of them by name."""
    names = group.coupled[:_NAMED]
    rest = len(group.coupled) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")
