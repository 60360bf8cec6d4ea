"""The golden runs, which the C++ tests run: they are still what `make.py` makes."""

import importlib.util
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden" / "networks"


def test_the_golden_runs_are_made_the_same(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_golden_runs", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make(tmp_path)
    made = {path.name: path for path in tmp_path.iterdir()}
    assert set(made) == {path.name for path in GOLDEN.iterdir() if path.suffix in (".fwt", ".bin")}
    for name, path in made.items():
        if name.endswith(".output.bin"):  # torch's sums are not the same bits everywhere
            ours, theirs = (np.fromfile(p, np.float32) for p in (GOLDEN / name, path))
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        else:
            assert path.read_bytes() == (GOLDEN / name).read_bytes(), name
