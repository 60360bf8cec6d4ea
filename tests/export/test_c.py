"""The C target: its source is compiled, linked with the runtime, and run."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from featherweight.errors import FormatError, InvalidArgumentError
from featherweight.export import Subject, export, without_data
from featherweight.export.c import embedded_file, identifier
from featherweight.recipes.pack import pack
from featherweight.runtime import Session

NATIVE = Path(__file__).parents[2] / "native"
SHAPE = (1, 6, 6)
MAIN = """#include <stdio.h>
#include "a_net.h"

int main(void) {
  static float input[A_NET_INPUT_FLOATS], output[A_NET_OUTPUT_FLOATS];
  fw_session* session;
  if (fread(input, sizeof(float), A_NET_INPUT_FLOATS, stdin) != A_NET_INPUT_FLOATS) return 2;
  if (a_net_load(NULL, &session) != FW_OK || a_net_run(session, input, output) != FW_OK) {
    fprintf(stderr, "%s\\n", fw_error_message());
    return 1;
  }
  fw_free(session);
  return fwrite(output, sizeof(float), A_NET_OUTPUT_FLOATS, stdout) != A_NET_OUTPUT_FLOATS;
}
"""


@pytest.fixture(scope="module")
def subject() -> Subject:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    network = pack(module.eval(), torch.zeros(1, *SHAPE), {}, {})
    return Subject("a net", network, without_data(SHAPE))


def test_the_array_is_the_file_byte_for_byte(subject: Subject, tmp_path: Path) -> None:
    export(subject, "c", tmp_path / "net.c")
    assert embedded_file(tmp_path / "net.c") == subject.bytes()


def test_an_altered_source_is_refused(subject: Subject, tmp_path: Path) -> None:
    export(subject, "c", tmp_path / "net.c")
    (tmp_path / "net.c").write_text("")
    with pytest.raises(FormatError, match="holds no network"):
        embedded_file(tmp_path / "net.c")


@pytest.mark.parametrize(
    ("stem", "name"), [("lenet-5", "lenet_5"), ("5nets", "net_5nets"), ("A b", "a_b")]
)
def test_names_are_c_identifiers(stem: str, name: str) -> None:
    assert identifier(stem) == name


def test_a_name_without_letters_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="C name"):
        identifier("--")


def test_another_precision_is_refused(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="float32"):
        export(subject, "c", tmp_path / "net.c", precision="int8")


def built_runtime() -> Path:
    """The runtime as a static library, kept in the checkout's build folder for the next time."""
    folder = NATIVE.parent / "build" / "c-target"
    options = ["-DFEATHERWEIGHT_TESTS=OFF", "-DCMAKE_BUILD_TYPE=Debug"]
    subprocess.run(["cmake", "-S", NATIVE, "-B", folder, *options], check=True)
    build = ["cmake", "--build", folder, "--target", "featherweight_core", "-j2"]
    subprocess.run(build, check=True)
    return folder / "libfeatherweight_core.a"


def test_compiled_and_run_it_gives_the_network_s_answers(subject: Subject, tmp_path: Path) -> None:
    if not all(shutil.which(tool) for tool in ("cc", "c++", "cmake")):
        pytest.skip("no C compiler, or no CMake")
    library = built_runtime()
    export(subject, "c", tmp_path / "a_net.c")
    (tmp_path / "main.c").write_text(MAIN)
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{NATIVE / 'include'}"]
    for name in ("a_net", "main"):
        command = ["cc", *strict, "-c", tmp_path / f"{name}.c", "-o", tmp_path / f"{name}.o"]
        subprocess.run(command, check=True)
    program = tmp_path / "program"
    objects = [tmp_path / "main.o", tmp_path / "a_net.o", library]
    subprocess.run(["c++", *objects, "-pthread", "-o", program], check=True)
    x = subject.example()
    done = subprocess.run([program], input=x.tobytes(), capture_output=True, check=True)
    found = np.frombuffer(done.stdout, np.float32)
    assert np.array_equal(found, Session(subject.bytes()).run(x).reshape(-1))
