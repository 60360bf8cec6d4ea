"""The golden files: the writer still makes these bytes, and both readers decode them."""

import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

from featherweight.container import dense
from plain_reader import STRUCT_CODES, read_plain

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.fwt"))


def test_the_writer_makes_the_same_bytes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_golden", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {f"{name}.{end}" for name in NAMES for end in ("fwt", "bin")}
    for name, data in made.items():
        assert data == (GOLDEN / name).read_bytes(), name


@pytest.mark.parametrize("name", NAMES)
def test_native_reader(name: str) -> None:
    arrays = dense(GOLDEN / f"{name}.fwt")
    found = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    assert found == (GOLDEN / f"{name}.bin").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_plain_reader(name: str) -> None:
    codes = {dtype: code for code, dtype in zip(STRUCT_CODES.values(), DTYPE_NAMES, strict=True)}
    tensors = read_plain((GOLDEN / f"{name}.fwt").read_bytes()).tensors.values()
    found = b"".join(
        struct.pack(f"<{len(t.elements)}{codes[t.dtype]}", *t.elements) for t in tensors
    )
    assert found == (GOLDEN / f"{name}.bin").read_bytes()


DTYPE_NAMES = ("float32", "float16", "int64", "int32", "uint8", "int8", "bool")
