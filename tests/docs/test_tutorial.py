"""The tutorial: every command on the page is run, in one folder and in its order."""

import importlib.util
import os
import re
import shutil
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


BLOCKS = list(make_notebook().blocks(PAGE))
COMMANDS = [i for i, b in enumerate(BLOCKS) if b.language == "sh" and INSTALLING not in b.text]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page is followed, with the files that it tells to save."""
    folder = tmp_path_factory.mktemp("tutorial")
    for block in BLOCKS:
        if block.file:
            (folder / block.file).write_text(block.text)
    return folder


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folders of featherweight and fwrun, installed or built."""
    installed = Path(sys.executable).parent
    if shutil.which("fwrun", path=str(installed)):
        return str(installed)
    build = tmp_path_factory.mktemp("fwrun")
    configure = f"cmake -S native -B {build} -DFEATHERWEIGHT_TESTS=OFF"
    bash(f"{configure} && cmake --build {build} --target fwrun", ROOT, dict(os.environ))
    return f"{installed}:{build}"


@pytest.mark.parametrize("number", COMMANDS)
def test_commands_in_their_order(number: int, folder: Path, programs: str) -> None:
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(featherweight.__file__).parents[1]),
    }
    printed = bash(BLOCKS[number].text, folder, environment)
    with (folder / "printed.txt").open("a") as log:
        log.write(printed)


def test_what_came_of_it(folder: Path) -> None:
    """featherweight and fwrun name the digit that it is; the file is small."""
    if not (folder / "printed.txt").exists():
        pytest.skip("the commands were not run")
    printed = (folder / "printed.txt").read_text()
    label = printed.partition("this is a ")[2][0]
    guesses = re.findall(r"^ *[\d.]+ %  (\S+)$", printed, re.MULTILINE)
    assert len(guesses) == 6
    assert guesses[0] == guesses[3] == label
    assert (folder / "digits.safetensors").stat().st_size > 15 * (
        folder / "digits.fwt"
    ).stat().st_size


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
    # fwrun was installed beside it: stripped, and small.
    assert "usage: fwrun MODEL.fwt INPUT" in bash("fwrun --help", tmp_path, environment)
    assert (tmp_path / "fresh" / "bin" / "fwrun").stat().st_size < 1_000_000


def test_the_notebook_is_the_page() -> None:
    notebook = (ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8")
    assert notebook == make_notebook().notebook(PAGE)
