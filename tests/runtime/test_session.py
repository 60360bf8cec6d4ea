"""The session: shapes, batches, memory, errors in one sentence."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from featherweight.container import CodedTensor, Graph, Network, Node, ValueInfo, write
from featherweight.errors import FormatError, InvalidArgumentError, RunError
from featherweight.runtime import Session, layers_on_this_machine

RNG = np.random.default_rng(0)
WEIGHT = RNG.standard_normal((4, 6)).astype(np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)


def raw(name: str, values: np.ndarray) -> CodedTensor:
    return CodedTensor(name, str(values.dtype), values.shape, "raw", values=values)


def network(*nodes: Node, inputs: tuple[ValueInfo, ...], outputs: tuple[ValueInfo, ...],
            tensors: tuple[CodedTensor, ...] = ()) -> Network:  # fmt: skip
    return Network(Graph(inputs, outputs, nodes, 20), {t.name: t for t in tensors})


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    """relu(x W' + b) of any batch."""
    file = tmp_path / "linear.fwt"
    write(file, network(
        Node("Gemm", ("x", "fc.weight", "fc.bias"), ("y",), {"transB": 1}),
        Node("Relu", ("y",), ("z",)),
        inputs=(ValueInfo("x", "float32", ("batch", 6)),),
        outputs=(ValueInfo("z", "float32", ("batch", 4)),),
        tensors=(raw("fc.weight", WEIGHT), raw("fc.bias", BIAS)),
    ))  # fmt: skip
    return file


def expected(x: np.ndarray) -> np.ndarray:
    return np.maximum(x.astype(np.float64) @ WEIGHT.T + BIAS, 0)


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8])
def test_any_number_of_samples(linear: Path, batch: int, count: int) -> None:
    x = RNG.standard_normal((count, 6)).astype(np.float32)
    y = Session(linear, batch=batch).run(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected(x), rtol=1e-5, atol=1e-5)


def test_bytes_and_path_are_the_same(linear: Path) -> None:
    x = RNG.standard_normal((2, 6)).astype(np.float32)
    assert np.array_equal(Session(linear.read_bytes()).run(x), Session(str(linear)).run(x))


def test_other_numbers_and_layouts_are_converted(linear: Path) -> None:
    session = Session(linear)
    x = RNG.integers(-3, 4, (6, 5))
    for given in (x.T, x.T.astype(np.float64), x.T.astype(np.float16), [x.T]):
        np.testing.assert_allclose(session.run(given), expected(x.T), rtol=1e-5, atol=1e-5)


def test_what_it_says_of_itself(linear: Path) -> None:
    session = Session(linear, batch=3)
    assert [(p.name, p.shape, p.is_batched) for p in session.inputs] == [("x", (3, 6), True)]
    assert [(p.name, p.shape) for p in session.outputs] == [("z", (3, 4))]
    (layer,) = session.layers
    assert (layer.name, layer.operator, layer.format) == ("fc", "Gemm", "dense")
    assert layer.weight_bytes >= WEIGHT.nbytes
    assert session.memory.weights >= WEIGHT.nbytes + BIAS.nbytes
    assert layer.milliseconds == 0
    session.time_layers()
    session.run(np.zeros((1, 6), np.float32))
    assert session.layers[0].milliseconds > 0
    session.time_layers(False)


def test_the_last_run_s_time_is_all_of_its_passes_and_no_more(linear: Path) -> None:
    session = Session(linear, batch=2)
    assert session.milliseconds == 0.0
    begin = time.perf_counter()
    session.run(np.zeros((1001, 6), np.float32))
    whole = 1e3 * (time.perf_counter() - begin)
    passes = session.milliseconds
    assert 0 < passes <= whole
    session.run(np.zeros((0, 6), np.float32))
    assert session.milliseconds == 0.0


def test_layers_on_this_machine(linear: Path) -> None:
    (layer,) = layers_on_this_machine(linear, rounds=3)
    assert (layer.stored_format, layer.format) == ("raw", "dense")
    assert layer.stored_bytes == WEIGHT.nbytes + BIAS.nbytes
    assert layer.milliseconds > 0


def test_threads_wait_for_each_other(linear: Path) -> None:
    session = Session(linear)
    xs = [RNG.standard_normal((50, 6)).astype(np.float32) for _ in range(4)]
    results: dict[int, np.ndarray] = {}

    def work(i: int) -> None:
        for _ in range(20):
            results[i] = session.run(xs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, x in enumerate(xs):
        np.testing.assert_allclose(results[i], expected(x), rtol=1e-5, atol=1e-5)


def test_groups_of_different_formats_are_cut_alike(tmp_path: Path) -> None:
    """A group that runs sparse may be cut at any row, its dense neighbour at whole panels only."""
    weight = RNG.standard_normal((64, 24, 3, 3)).astype(np.float32)
    weight[:32] *= RNG.random(weight[:32].shape) < 0.15
    kept = np.flatnonzero(weight)
    file = tmp_path / "groups.fwt"
    write(file, network(
        Node("Conv", ("x", "weight"), ("y",), {"group": 2, "pads": (1, 1, 1, 1)}),
        inputs=(ValueInfo("x", "float32", ("batch", 48, 14, 14)),),
        outputs=(ValueInfo("y", "float32", ("batch", 64, 14, 14)),),
        tensors=(CodedTensor("weight", "float32", weight.shape, "sparse", positions=kept,
                             values=weight.ravel()[kept]),),
    ))  # fmt: skip
    x = RNG.standard_normal((1, 48, 14, 14)).astype(np.float32)
    alone = Session(file, threads=1).run(x)
    for threads in (2, 3, 5):
        assert np.array_equal(Session(file, threads=threads).run(x), alone)


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    file = tmp_path / "two.fwt"
    pair = ("batch", 2)
    write(file, network(
        Node("Add", ("a", "b"), ("sum",)),
        Node("Sub", ("a", "b"), ("difference",)),
        inputs=(ValueInfo("a", "float32", pair), ValueInfo("b", "float32", pair)),
        outputs=(ValueInfo("sum", "float32", pair), ValueInfo("difference", "float32", pair)),
    ))  # fmt: skip
    session = Session(file, batch=2)
    a, b = RNG.standard_normal((2, 5, 2)).astype(np.float32)
    total, difference = session.run([a, b])
    assert np.array_equal(total, a + b)
    assert np.array_equal(difference, a - b)
    with pytest.raises(InvalidArgumentError, match=r"takes 2 inputs \(a, b\), but got 1"):
        session.run(a)
    with pytest.raises(InvalidArgumentError, match=r"one number of samples, but have \[4, 5\]"):
        session.run([a, b[:4]])


def test_several_rows_a_sample(tmp_path: Path) -> None:
    file = tmp_path / "rows.fwt"
    write(file, network(
        Node("Reshape", ("x", "shape"), ("y",)),
        inputs=(ValueInfo("x", "float32", ("batch", 6)),),
        outputs=(ValueInfo("y", "float32", ("3*batch", 2)),),
        tensors=(raw("shape", np.array([-1, 2])),),
    ))  # fmt: skip
    x = np.arange(30, dtype=np.float32).reshape(5, 6)
    for batch in (1, 2, 5):
        assert np.array_equal(Session(file, batch=batch).run(x), x.reshape(15, 2))


def test_a_fixed_batch_stays(tmp_path: Path) -> None:
    file = tmp_path / "fixed.fwt"
    write(file, network(
        Node("Relu", ("x",), ("y",)),
        inputs=(ValueInfo("x", "float32", (2, 3)),),
        outputs=(ValueInfo("y", "float32", (2, 3)),),
    ))  # fmt: skip
    session = Session(file, batch=4)
    assert session.run(np.full((2, 3), -1.0)).shape == (2, 3)
    with pytest.raises(InvalidArgumentError, match=r"'x' must be \[2, 3\], but is \[4, 3\]"):
        session.run(np.zeros((4, 3)))


def test_a_mean_over_the_batch_takes_the_session_s_batch_only(tmp_path: Path) -> None:
    file = tmp_path / "mean.fwt"
    write(file, network(
        Node("ReduceMean", ("x", "axes"), ("y",), {"keepdims": 0}),
        inputs=(ValueInfo("x", "float32", ("batch", 3)),),
        outputs=(ValueInfo("y", "float32", (3,)),),
        tensors=(raw("axes", np.array([0])),),
    ))  # fmt: skip
    session = Session(file, batch=4)
    x = RNG.standard_normal((4, 3)).astype(np.float32)
    np.testing.assert_allclose(session.run(x), x.mean(0), rtol=1e-5, atol=1e-6)
    with pytest.raises(InvalidArgumentError, match="there must be 4 samples"):
        session.run(x[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch=0"),
        ({"threads": 0}, "threads=0"),
        ({"prefer": "size"}, "prefer='size'"),
    ],
)
def test_arguments(linear: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Session(linear, **options)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 5)), r"'x' must be \[n, 6\], but is \[2, 5\]"),
        (np.zeros(6), r"must be \[n, 6\], but is \[6\]"),
        (np.zeros((1, 6), complex), "must hold real numbers, but holds complex128"),
        (np.array([["a"] * 6]), "must hold real numbers"),
    ],
)
def test_inputs_that_do_not_fit(linear: Path, x: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Session(linear).run(x)


def test_errors_of_files(linear: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.fwt"):
        Session(tmp_path / "missing.fwt")
    data = linear.read_bytes()
    with pytest.raises(FormatError, match=r"<bytes>: "):
        Session(data[:-1])
    broken = tmp_path / "broken.fwt"
    broken.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    with pytest.raises(FormatError, match=r"broken\.fwt: "):
        Session(broken)


@pytest.mark.parametrize(
    ("node", "tensors", "message"),
    [
        (Node("Reshape", ("x", "s"), ("y",)), (np.array([5, -1]),), r"cannot become \[5"),
        (Node("Slice", ("x", "s", "t"), ("y",)), (np.array([0, 0]), np.array([1])), "Slice"),
        (Node("Slice", ("x", "s", "s"), ("y",)), (np.array([3, 2]),), r"the shape \[0, 0\]"),
        (Node("Expand", ("x", "s"), ("y",)), (np.array([2**50, 4, 6]),), "would have the shape"),
        (Node("Gather", ("x", "s"), ("y",), {"axis": 1}), (np.array([6]),), "index 6"),
        (Node("Conv", ("x", "s"), ("y",)), (np.zeros((1, 1, 3, 3), np.float32),), "Conv"),
        (Node("Add", ("x", "s"), ("y",)), (np.zeros(5, np.float32),), "do not fit together"),
    ],
)
def test_networks_that_cannot_run(
    node: Node, tensors: tuple[np.ndarray, ...], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "no.fwt"
    write(file, network(
        node,
        inputs=(ValueInfo("x", "float32", (4, 6)),),
        outputs=(ValueInfo("y", "float32", (4, 6)),),
        tensors=tuple(raw(name, t) for name, t in zip("st", tensors, strict=False)),
    ))  # fmt: skip
    with pytest.raises(RunError, match=message) as caught:
        Session(file)
    assert f"operator {node.operator} of layer 'y' cannot run" in str(caught.value)


def test_storage_only_is_refused_with_the_operator_s_name(tmp_path: Path) -> None:
    file = tmp_path / "loop.fwt"
    graph = Graph(
        (ValueInfo("x", "float32", (1,)),), (ValueInfo("y", "float32", (1,)),),
        (Node("Loop", ("x",), ("y",)),), 20,
    )  # fmt: skip
    write(file, Network(graph, {}, storage_only=True))
    with pytest.raises(RunError, match="operator Loop of layer 'y' cannot run: the runtime has no"):
        Session(file)


def test_the_runtime_does_not_import_torch() -> None:
    script = "import sys, featherweight.runtime; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
