"""TVM for another processor: the library is built here, and inspected."""

import shutil
import struct
from pathlib import Path

import pytest
import torch
from torch import nn

from featherweight.export import Subject, export, find_target, without_data
from featherweight.export.tvm import CROSS_COMPILER
from featherweight.recipes.pack import pack

pytestmark = pytest.mark.filterwarnings("ignore")
_AARCH64, _X86_64 = 183, 62  # e_machine of the ELF header


@pytest.mark.parametrize(("name", "machine"), [("tvm", _X86_64), ("tvm-aarch64", _AARCH64)])
def test_the_library_is_of_its_processor(name: str, machine: int, tmp_path: Path) -> None:
    if find_target(name).missing():
        pytest.skip("tvm is not installed")
    if machine == _AARCH64 and shutil.which(CROSS_COMPILER) is None:
        pytest.skip(f"{CROSS_COMPILER} is not installed")
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    network = pack(module.eval(), torch.zeros(1, 3, 8, 8), {}, {})
    path = tmp_path / "net.so"
    exported = export(Subject("net", network, without_data((3, 8, 8))), name, path)
    content = path.read_bytes()
    assert content[:4] == b"\x7fELF"
    assert content[4:6] == b"\x02\x01"  # 64 bits, little-endian
    assert struct.unpack_from("<HH", content, 16) == (3, machine)  # a shared object
    assert b"__tvm_ffi_" in content  # names of what the virtual machine looks up
    assert (exported.parity is None) == (name == "tvm-aarch64")
