"""The command `fwrun`, where it was installed with the package."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from featherweight.runtime import Session, break_even

PROGRAM = Path(os.environ.get("FWRUN", Path(sys.executable).with_name("fwrun")))
RUNS = Path(__file__).parents[1] / "golden" / "networks"

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists(), reason="fwrun is installed by pip install, not by a build in place"
)


def fwrun(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)


@pytest.fixture(name="x")
def x_(tmp_path: Path) -> Path:
    array = np.fromfile(RUNS / "residual.input.bin", np.float32).reshape(2, 3, 17, 15)[:1]
    np.save(tmp_path / "x.npy", array)
    return tmp_path / "x.npy"


@pytest.mark.parametrize(
    "options", [[], ["--exact"], ["--prefer", "memory"], ["--threads", "3", "--repeat", "5"]]
)
def test_it_gives_what_a_session_gives(x: Path, options: list[str]) -> None:
    done = fwrun(RUNS / "residual.fwt", x, "--top", "9", *options)
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"^ *([\d.]+) %  (.+)$", done.stdout, re.MULTILINE))
    probabilities = Session(RUNS / "residual.fwt").run(np.load(x))[0]
    names = ["a", "b", *(f"class {i}" for i in range(2, len(probabilities)))]
    expected = {f"{100 * p:.2f}": name for p, name in zip(probabilities, names, strict=True)}
    assert found == expected
    assert re.search(r"^peak memory [\d.]+ MB$", done.stdout, re.MULTILINE)


def test_a_table_of_break_evens(x: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.txt"
    break_even.write(table, {"csr_vector": 0.3}, "")
    assert fwrun(RUNS / "residual.fwt", x, "--break-even", table).returncode == 0
    table.write_text("csr_vector high\n")
    refused = fwrun(RUNS / "residual.fwt", x, "--break-even", table)
    assert refused.returncode == 1
    assert "must be the name of a format and a density from 0 to 1" in refused.stderr


def test_wrong_usage() -> None:
    for words in ([], ["one"], ["a", "b", "--prefer", "size"], ["a", "b", "--break-even"]):
        done = fwrun(*words)
        assert done.returncode == 2
        assert "usage: fwrun" in done.stderr


def test_it_is_small() -> None:
    assert PROGRAM.stat().st_size < 1_000_000
