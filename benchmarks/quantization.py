"""Fewer bits a weight: what the files weigh, what accuracy costs, whether the functions are right.

Rows come from `quantization_rows/`, one module a subject. Results that take long are kept in
`results/quantization/`; what is missing there is computed (about half an hour of one core in all),
and a killed run goes on from its checkpoints in `--work`. `--quick` shows what is kept and measures
what takes seconds. `--only` names some of the subjects.
"""

import argparse
import sys
from pathlib import Path

import torch

import harness
from quantization_rows import (
    curves,
    imagenet,
    onebit,
    onebit_sizes,
    onebit_speed,
    sizes,
    trained,
)

SUBJECTS = {
    "sizes": sizes.rows,
    "trained": trained.rows,
    "imagenet": imagenet.rows,
    "curves": curves.rows,
    "onebit": onebit.rows,
    "onebit-sizes": onebit_sizes.rows,
    "onebit-speed": onebit_speed.rows,
}


def run(options: argparse.Namespace) -> list[harness.Row]:
    torch.set_num_threads(options.threads)
    rows: list[harness.Row] = []
    for name, subject in SUBJECTS.items():
        if not options.only or name in options.only:
            print(f"{name} ...", file=sys.stderr)
            rows += subject(options)
    return rows


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", nargs="+", choices=sorted(SUBJECTS), help="subjects")
    parser.add_argument("--draw", action="store_true", help="draw the pictures of docs anew")
    parser.add_argument("--work", type=Path, default=Path("runs"), help="checkpoints and files")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
