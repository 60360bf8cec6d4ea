"""Architecture search: strategies on a table, the controller's gradient, workers, the supernet.

The table and the races on it were made by search_table.py and search_compare.py, which keep what
they have done. The full run takes about five minutes; `--quick` leaves the Ray cluster out.
"""

import argparse
import warnings
from pathlib import Path

import optuna

import harness
from harness import Row
from search_rows import cluster, controller, shared, strategies

PLOT = Path(__file__).parent.parent / "docs" / "pictures" / "search-strategies.svg"


def run(options: argparse.Namespace) -> list[Row]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    rows = strategies.rows() + strategies.predicted() + controller.rows()
    if options.plot:
        strategies.plot(PLOT)
    rows += shared.rows()
    rows.append(cluster.simulated_workers(trials=200 if options.quick else 1600))
    if not options.quick:
        rows += cluster.two_workers(24, 0.5)
        rows += cluster.killed_nodes(24, 1.5)
    return rows


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plot", action="store_true", help=f"draw {PLOT.name} anew")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
