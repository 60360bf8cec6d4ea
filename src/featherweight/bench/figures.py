"""What every figure shares: its colours, its type, and SVG that takes its colours from the page.

The colours are those of Okabe and Ito, which colour-blind readers can tell apart. What is drawn in
a colour of `THEME` comes out of `to_svg` as the page's own, so that one figure serves light and
dark.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from featherweight.extras import require

INK, MUTED, PALE = "#101010", "#707070", "#d0d0d0"
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
THEME = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    PALE: "var(--pale)",
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
}
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "font.size": 9,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
}
PHONE_WIDTH = 3.6


@contextmanager
def figure_style(salt: str) -> Iterator[None]:
    """The report's style. `salt` makes the ids inside the SVG reproducible, and its own."""
    matplotlib = require("matplotlib", "torch")
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": salt}):
        yield


def new_figure(height: float, width: float = PHONE_WIDTH) -> Any:
    """An empty figure, in inches; as wide as a phone shows, if nothing else is said."""
    return require("matplotlib.figure", "torch").Figure((width, height), layout="constrained")


def to_svg(figure: Any) -> str:
    """SVG without what only a file of its own needs, in the page's colours."""
    target = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(target, format="svg", transparent=True, metadata=nothing)
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\s+(xmlns(:\w+)?|version)="[^"]*"', "", svg).replace("xlink:href", "href")
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
    for colour, meaning in THEME.items():
        svg = svg.replace(colour, meaning)
    return svg
