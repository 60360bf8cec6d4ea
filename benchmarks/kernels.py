"""Kernels of each execution format against a named peer, one thread, in turns in one process.

The rows are those of `kernel_rows/`, a module a format; the bars are what prototypes of these
kernels made likely on a Zen 3, whose widest vectors are those of AVX2. Each is timed on every
instruction set that this machine has and the format is written for, in a process for each: in that
of AVX2, torch is held to AVX2 as well (docs/decisions/0010). Weights are random.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
from featherweight import _native

FORMATS = ("sparse", "codebook", "int8", "binary")
ONLY_AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}


def run(options: argparse.Namespace) -> list[harness.Row]:
    formats = options.formats or list(FORMATS)
    if options.on is None:
        return [row for name in _vector_sets() for row in _own_process(name, formats, options)]
    _native.choose_instruction_set(options.on)
    return [
        row
        for name in formats
        for row in importlib.import_module(f"kernel_rows.{name}").rows(options.quick, options.on)
    ]


def _vector_sets() -> list[str]:
    found: list[str] = _native.instruction_sets()[1:]
    return found


def _own_process(
    instruction_set: str, formats: list[str], options: argparse.Namespace
) -> list[harness.Row]:
    """What libraries may use is read when they are loaded: each instruction set has a process."""
    held = ONLY_AVX2 if instruction_set == "avx2" else {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, __file__, *formats, "--on", instruction_set, "--json", str(file)]
        subprocess.run(
            command + ["--quick"] * options.quick,
            env={**os.environ, **held}, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return [harness.Row(**row) for row in json.loads(file.read_text())["rows"]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "formats",
        nargs="*",
        choices=[[], *FORMATS],
        metavar="FORMAT",
        help=f"of {', '.join(FORMATS)} (default: all)",
    )
    parser.add_argument(
        "--on", choices=_vector_sets(), help="one instruction set, in this process, peers as found"
    )


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
