"""The tutorial: every command on the page is run, in one folder and in its order."""

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import pytest

import featherweight

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
INSTALLING = "pip install"


def make_notebook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_notebook", ROOT / "docs/make_notebook.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def bash(script: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_command(tmp_path: Path) -> None:
    (tmp_path / "native").symlink_to(ROOT / "native")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(featherweight.__file__).parents[1]),
    }
    printed = ""
    for block in make_notebook().blocks(PAGE):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        elif block.language == "sh" and INSTALLING not in block.text:
            printed += bash(block.text, tmp_path, environment)
    # featherweight and fwrun name the same digit first.
    label = printed.partition("this is a ")[2][0]
    guesses = [line.split()[-1] for line in printed.splitlines() if " %  " in line]
    assert len(guesses) == 6
    assert guesses[0] == guesses[3] == label
    ratio = (tmp_path / "digits.safetensors").stat().st_size / (
        tmp_path / "digits.fwt"
    ).stat().st_size
    assert ratio > 20


@pytest.mark.slow
def test_installing(tmp_path: Path) -> None:
    """The one command that the test above leaves out, in a fresh environment."""
    venv.create(tmp_path / "fresh", with_pip=True)
    path = f"{tmp_path / 'fresh' / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    (block,) = [b for b in make_notebook().blocks(PAGE) if INSTALLING in b.text and b.language]
    bash(block.text, ROOT, environment)
    bash(
        "featherweight --version && python -c 'import torch, featherweight'", tmp_path, environment
    )


def test_the_notebook_is_the_page() -> None:
    notebook = (ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8")
    assert notebook == make_notebook().notebook(PAGE)
