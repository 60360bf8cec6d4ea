"""Kernels of each execution format against a named peer, one thread, in turns in one process.

The rows are those of `kernel_rows/`, a module a format; the bars are what prototypes of these
kernels made likely on a Zen 3 with AVX2. Each is timed on every instruction set that this machine
has and the format is written for. Weights are random.
"""

import argparse
import importlib

import harness

FORMATS = ("sparse", "codebook", "int8", "binary")


def run(options: argparse.Namespace) -> list[harness.Row]:
    found = []
    for name in options.formats or FORMATS:
        found += importlib.import_module(f"kernel_rows.{name}").rows(options.quick)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "formats",
        nargs="*",
        choices=[[], *FORMATS],
        metavar="FORMAT",
        help=f"of {', '.join(FORMATS)} (default: all)",
    )


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
