"""The break-even table: where it crosses, where it lies, and that sessions go by it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from featherweight.cli.main import app
from featherweight.container import CodedTensor, Network, write
from featherweight.errors import FormatError
from featherweight.runtime import Session, break_even, calibration
from featherweight.runtime.calibration import Row, crossing
from small_graphs import X, one, weights


def test_a_crossing_is_found_where_the_logarithm_of_the_ratio_is_linear() -> None:
    def ratio(density: float) -> float:
        return float(np.exp(2.0 * (0.37 - density)))

    points = [(d, ratio(d)) for d in (0.5, 0.1, 0.3, 0.9)]
    assert crossing(points) == pytest.approx(0.37, abs=1e-12)


@pytest.mark.parametrize(
    ("points", "density"),
    [
        ([(0.1, 0.9), (0.5, 1.5)], 0.0),  # slower from the first: later luck does not count
        ([(0.1, 3.0), (0.5, 1.2)], 0.5),  # nothing is said of what was not measured
        ([(0.1, 3.0), (0.5, 1.0), (0.9, 0.5)], 0.5),
        ([(0.1, 2.0), (0.3, 0.5), (0.5, 2.0)], 0.2),  # the first crossing
        ([(1.0, 0.8)], 0.0),
        ([(1.0, 1.3)], 1.0),
    ],
)
def test_crossings_at_the_ends(points: list[tuple[float, float]], density: float) -> None:
    assert crossing(points) == pytest.approx(density)


def test_the_lowest_of_the_shapes_counts_and_slots_stand_beside_csr() -> None:
    small, large = (8, 8, 1), (16, 16, 1)
    rows = [
        Row("csr_vector", small, 0.1, 4.0),
        Row("csr_vector", small, 0.3, 0.25),
        Row("csr_vector", large, 0.1, 2.0),
        Row("csr_vector", large, 0.3, 0.125),
        # Twice as fast as csr at first, half as fast as dense in the end.
        Row("slots_vector", large, 0.1, 4.0),
        Row("slots_vector", large, 0.3, 0.5),
    ]
    table = calibration.break_even(rows)
    assert table == pytest.approx({"csr_vector": 0.15, "slots_vector": 0.2})


def test_the_weights_are_what_the_kernels_keep() -> None:
    for kernel in calibration.kernels():
        w = calibration.random_weights(kernel, (64, 96, 1), 0.25, 0)
        kept = w != 0
        assert abs(kept.mean() - 0.25) < 0.05
        if kernel.block_rows > 1:
            blocks = kept.reshape(-1, kernel.block_rows, 96)
            assert (blocks.any(1) == blocks.all(1)).all()
        if kernel.values is not None:
            assert len(np.unique(w[kept])) == kernel.values


def test_where_the_table_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(break_even.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "featherweight" / "break-even.txt"
    assert break_even.default_path() == path
    assert break_even.find() == ""
    break_even.write(path, {"csr_vector": 0.5}, "two\nlines")
    assert path.read_text() == "# two\n# lines\ncsr_vector 0.5000\n"
    assert break_even.find() == str(path)
    assert break_even.find(exact=True) == ""
    assert break_even.find(path, exact=True) == str(path)
    monkeypatch.setenv(break_even.VARIABLE, "")
    assert break_even.find() == ""
    monkeypatch.setenv(break_even.VARIABLE, str(tmp_path / "other.txt"))
    assert break_even.find() == str(tmp_path / "other.txt")
    with pytest.raises(FileNotFoundError):
        break_even.find(tmp_path / "none.txt")


def sparse_layer(
    folder: Path, hint: str | None = None, format: str = "sparse", rows: int = 16
) -> Path:
    """A linear layer of which 30 % are kept."""
    w = weights(rows, 40)
    w[np.abs(w) < np.quantile(np.abs(w), 0.7)] = 0
    case = one("Gemm", X((1, 40)), w, transB=1)
    flat = w.reshape(-1)
    positions = np.flatnonzero(flat).astype(np.int64)
    if format == "sparse":
        tensor = CodedTensor(
            "i1", "float32", w.shape, "sparse", positions=positions, values=flat[positions]
        )
    else:
        codebook = np.arange(16, dtype=np.float32)
        codes = (np.arange(flat.size) % 16).astype(np.uint8)
        tensor = CodedTensor("i1", "float32", w.shape, "shared", codebook=codebook, codes=codes)
    metadata = {} if hint is None else {"layout": {"i1": hint}}
    path = folder / "layer.fwt"
    write(path, Network(case.graph([(1, rows)]), {"i1": tensor}, metadata))
    return path


def format_of(path: Path, **options: object) -> str:
    return Session(path, **options).layers[0].format  # type: ignore[arg-type]


def test_sessions_go_by_the_table(tmp_path: Path) -> None:
    file, table = sparse_layer(tmp_path), tmp_path / "table.txt"
    assert format_of(file) == "csr"
    break_even.write(table, {"csr_vector": 0.2, "blocks_vector": 0.0}, "")
    session = Session(file, break_even=table)
    assert session.layers[0].format == "dense"
    assert "30 % of its weights are kept: dense is faster here from 20 % on" in (
        session.layers[0].note
    )
    assert format_of(file, break_even=table, prefer="memory") == "csr"
    break_even.write(table, {"csr_vector": 0.35}, "")
    assert format_of(file, break_even=table) == "csr"


def test_codes_run_dense_where_they_are_slower(tmp_path: Path) -> None:
    file, table = sparse_layer(tmp_path, format="shared"), tmp_path / "table.txt"
    break_even.write(table, {"codebook_vector": 0.0}, "")
    assert format_of(file) == "codebook4"
    assert format_of(file, break_even=table) == "dense"
    assert format_of(file, break_even=table, prefer="memory") == "codebook4"


@pytest.mark.parametrize("line", ["csr 0.3", "csr_vector", "csr_vector 1.5", "csr_vector 0.1 0.2"])
def test_a_table_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    file, table = sparse_layer(tmp_path), tmp_path / "table.txt"
    table.write_text(f"# a comment\n\n{line}  # another\n")
    with pytest.raises(FormatError, match="name of a format and a density from 0 to 1"):
        Session(file, break_even=table)


@pytest.mark.parametrize("hint", ["dense", "csr", "blocks4x1", "blocks8x1"])
def test_a_hint_of_the_file_is_taken(tmp_path: Path, hint: str) -> None:
    file, table = sparse_layer(tmp_path, hint), tmp_path / "table.txt"
    assert format_of(file) == hint
    break_even.write(table, {}, "")  # a machine that was measured knows better
    assert format_of(file, break_even=table) == "csr"
    assert format_of(file, prefer="memory") == "csr"
    x = weights(1, 40)
    found, expected = Session(file).run(x), Session(file, break_even=table).run(x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_hint_that_is_not_understood_is_left_alone(tmp_path: Path) -> None:
    assert format_of(sparse_layer(tmp_path, "of the future")) == "csr"
    assert format_of(sparse_layer(tmp_path, "blocks8x1", rows=7)) == "csr"


def test_calibrate_writes_what_a_session_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two small kernels, since the machine is not measured here."""
    plan = {
        "kernels": {
            "csr_columns": {"format": "csr", "shapes": [[16, 32, 8]]},
            "slots_vector": {
                "format": "slots", "values": 15, "beside": "csr_vector", "shapes": [[16, 32, 1]],
            },
        },
        "densities": [0.1, 0.5], "rounds": 3,
    }  # fmt: skip
    monkeypatch.setattr(calibration, "_plan", lambda: plan)
    path = tmp_path / "new" / "table.txt"
    result = CliRunner().invoke(app, ["calibrate", "--out", str(path), "--json"])
    assert result.exit_code == 0, result.output
    payload = json.loads(result.stdout)
    assert [(r["kernel"], r["shape"], r["density"]) for r in payload["rows"]] == [
        ("csr_columns", [16, 32, 8], 0.1), ("csr_columns", [16, 32, 8], 0.5),
        ("slots_vector", [16, 32, 1], 0.1), ("slots_vector", [16, 32, 1], 0.5),
    ]  # fmt: skip
    assert all(row["ratio"] > 0 for row in payload["rows"])
    assert set(payload["break_even"]) == {"csr_columns", "slots_vector"}
    assert payload["file"] == str(path)
    Session(sparse_layer(tmp_path), break_even=path)
