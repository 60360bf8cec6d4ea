"""Pruning weights: whether the scores are right, and what accuracy, time and memory come out.

Rows come from `pruning_rows/`, one module a subject. Results that take long are kept in
`results/pruning/`, where `pruning_training.py`, `pruning_redundancy.py` and
`pruning_composition.py` put them. Every trained row says what the network takes on this machine
beside its accuracy. `--quick` measures times and what takes seconds, and shows what is kept;
`--only` names some of the subjects; `--pictures FOLDER` draws.
"""

import argparse
import sys
from pathlib import Path

import torch

import harness
from pruning_rows import at_once, brain_damage, composition, drop_neuron, trained

SUBJECTS = {
    "brain-damage": brain_damage.rows,
    "at-once": at_once.rows,
    "trained": trained.rows,
    "drop-neuron": drop_neuron.rows,
    "composition": composition.rows,
}


def run(options: argparse.Namespace) -> list[harness.Row]:
    torch.set_num_threads(1)
    rows: list[harness.Row] = []
    for name, subject in SUBJECTS.items():
        if not options.only or name in options.only:
            print(f"{name} ...", file=sys.stderr)
            rows += subject(options)
    if options.pictures:
        from pruning_rows import pictures

        pictures.draw(options.pictures)
    return rows


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", nargs="+", choices=sorted(SUBJECTS), help="subjects")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw into this folder")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
