"""What every benchmark script shares: options, paired timing, the table, and the JSON.

A script defines `run(options) -> list[Row]` and ends with `harness.main(__doc__, run)`. It prints a
table and, with `--json FILE`, writes `{machine, commit, date, rows}`. Nothing is asserted.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

VECTOR_RUN = 10
"""Products with a vector are timed so many in a row (docs/decisions/0011)."""


@dataclass(frozen=True)
class Row:
    """One figure: ours (`value`), how it stands to a peer (`ratio`), and the bar it has to meet."""

    name: str
    value: float
    unit: str
    peer: str = ""
    ratio: float | None = None
    """Ours against the peer's; more is better. The median, where rounds were run."""
    p10: float | None = None
    p90: float | None = None
    bar: float | None = None
    met: bool | None = None


@dataclass(frozen=True)
class Comparison:
    """Seconds of ours and of the peer, measured in turns: the two of one round stand together."""

    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """The median of ours."""
        return float(np.median(self.ours))

    def speedup(self, percentile: float = 50) -> float:
        """Percentile of peer / ours over the rounds."""
        return float(np.percentile(np.divide(self.peer, self.ours), percentile))


def compare(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> Comparison:
    """Time both in turns, so that a slow moment of the machine meets both.

    A round before the first one warms up and is not counted.
    """
    _, *pairs = [(_seconds(ours), _seconds(peer)) for _ in range(rounds + 1)]
    return Comparison(tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


def in_a_row(call: Callable[[], object], times: int) -> Callable[[], None]:
    """`call` so many times, as in a network that runs again and again."""

    def calls() -> None:
        for _ in range(times):
            call()

    return calls


def timed(
    name: str, timing: Comparison, peer: str, unit: str = "us", bar: float | None = None
) -> Row:
    """How long ours takes, in s, ms or us, and how many times as fast as the peer it is."""
    scale = {"s": 1, "ms": 1e3, "us": 1e6}[unit]
    ratio = timing.speedup()
    return Row(
        name=name,
        value=scale * timing.seconds,
        unit=unit,
        peer=f"{peer}, {_number(scale * float(np.median(timing.peer)))} {unit}",
        ratio=ratio,
        p10=timing.speedup(10),
        p90=timing.speedup(90),
        bar=bar,
        met=None if bar is None else ratio >= bar,
    )


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(
    description: str | None,
    run: Callable[[argparse.Namespace], list[Row]],
    add_options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> None:
    """Parse `--quick`, `--json` and the script's own options; run; print the table."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="finish within two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    if add_options:
        add_options(parser)
    options = parser.parse_args()
    rows = run(options)
    Console().print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(report(rows), indent=1) + "\n")


def table(rows: list[Row]) -> Table:
    """The rows as people read them."""
    result = Table(caption=f"{machine()}. Bars are recorded, not asserted.")
    result.add_column("what")
    for title in ("value", "against", "ratio", "p10 - p90", "bar", "met"):
        result.add_column(title, justify="right" if title != "against" else "left")
    for row in rows:
        spread = "" if row.p10 is None else f"{_number(row.p10)} - {_number(row.p90)}"
        met = "" if row.met is None else "yes" if row.met else "[red]no[/red]"
        value = f"{_number(row.value)} {row.unit}".strip()
        ratio, bar = _number(row.ratio), _number(row.bar)
        result.add_row(row.name, value, row.peer, ratio, spread, bar, met)
    return result


def report(rows: list[Row]) -> dict[str, object]:
    """The rows as programs read them."""
    return {
        "machine": machine(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "rows": [asdict(row) for row in rows],
    }


def machine() -> str:
    """Processor, cores, operating system, Python."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    elif sys.platform == "darwin":
        name = _output("sysctl", "-n", "machdep.cpu.brand_string") or name
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )


def commit() -> str:
    """The checkout's commit, with a mark if files were changed since; empty outside of git."""
    return _output("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")


def _output(*command: str) -> str:
    folder = Path(__file__).parent
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _number(value: float | None) -> str:
    """Four digits; a rule that has no number stays empty."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
