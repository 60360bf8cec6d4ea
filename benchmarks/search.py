"""Architecture search: strategies on a table, what was found, the gradient, workers, the supernet.

The table, the races on it and the trainings of what was found were made by search_table.py,
search_compare.py and search_found.py, which keep what they have done. The full run takes about five
minutes; `--quick` leaves the Ray cluster out.
"""

import argparse
import warnings
from pathlib import Path

import optuna

import harness
from harness import Row
from search_rows import cluster, controller, found, shared, strategies

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"


def run(options: argparse.Namespace) -> list[Row]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    rows = strategies.rows() + strategies.predicted() + controller.rows()
    networks = found.measured(rounds=50 if options.quick else 300)
    rows += found.rows(networks)
    if options.plot:
        strategies.plot(PICTURES / "search-strategies.svg")
        found.plot(networks, PICTURES / "search-found.svg")
    rows += shared.rows()
    rows += cluster.simulated_workers(trials=200 if options.quick else 1600)
    if not options.quick:
        rows += cluster.two_workers(24, 0.5)
        rows += cluster.killed_nodes(24, 1.5)
    return rows


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plot", action="store_true", help="draw docs/pictures/search-*.svg anew")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
