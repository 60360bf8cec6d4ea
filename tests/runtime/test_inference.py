"""One inference from files: preprocessing, class names, probabilities."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from featherweight.container import CodedTensor, Graph, Network, Node, ValueInfo, write
from featherweight.errors import DataError, InvalidArgumentError
from featherweight.runtime.inference import infer, likeliest

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3) * 4
MEAN, STD = [0.5, 0.25, 0.125], [0.5, 1.0, 2.0]


@pytest.fixture
def mean_colour(tmp_path: Path) -> Path:
    """The mean of each channel of a 4 x 5 picture, as scores of three classes."""
    axes = CodedTensor("axes", "int64", (2,), "raw", values=np.array([2, 3]))
    graph = Graph(
        (ValueInfo("x", "float32", ("batch", 3, 4, 5)),),
        (ValueInfo("y", "float32", ("batch", 3)),),
        (Node("ReduceMean", ("x", "axes"), ("y",), {"keepdims": 0}),),
        20,
    )
    metadata = {"class_names": ["red", "green"], "preprocessing": {"mean": MEAN, "std": STD}}
    file = tmp_path / "mean.fwt"
    write(file, Network(graph, {"axes": axes}, metadata))
    return file


def normalized() -> np.ndarray:
    return ((PIXELS / 255.0 - MEAN) / STD).transpose(2, 0, 1)


@pytest.mark.parametrize("suffix", ["png", "ppm", "bmp", "tiff"])
def test_a_picture(mean_colour: Path, tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"picture.{suffix}"
    Image.fromarray(PIXELS).save(picture)
    result = infer(mean_colour, picture, top=2, repeat=3)
    scores = normalized().mean((1, 2))
    np.testing.assert_allclose(result.outputs[0][0], scores, rtol=1e-5)
    powers = np.exp(scores) / np.exp(scores).sum()
    order = np.argsort(-powers)[:2]
    assert [g.label for g in result.top] == [["red", "green", "2"][i] for i in order]
    np.testing.assert_allclose([g.probability for g in result.top], powers[order], rtol=1e-5)
    assert result.latency_ms > 0


@pytest.mark.parametrize("is_batched", [False, True])
def test_an_array(mean_colour: Path, tmp_path: Path, is_batched: bool) -> None:
    array = np.stack([normalized(), -normalized()])
    np.save(tmp_path / "x.npy", array if is_batched else array[0])
    result = infer(mean_colour, tmp_path / "x.npy")
    wanted = array.mean((2, 3)) if is_batched else array[:1].mean((2, 3))
    np.testing.assert_allclose(result.outputs[0], wanted, rtol=1e-5)


def test_what_does_not_fit(mean_colour: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 4, 4)))
    with pytest.raises(InvalidArgumentError, match=r"must be \[n, 3, 4, 5\]"):
        infer(mean_colour, tmp_path / "x.npy")
    (tmp_path / "y.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"y\.npy is not an array"):
        infer(mean_colour, tmp_path / "y.npy")
    (tmp_path / "y.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"y\.png is a damaged picture"):
        infer(mean_colour, tmp_path / "y.png")


def test_probabilities() -> None:
    scores = np.array([[1.0, 3.0, 2.0]], np.float32)
    shares = np.exp(scores[0]) / np.exp(scores[0]).sum()
    found = likeliest(scores, "Gemm", ["a", "b", "c"], 3)
    assert [g.label for g in found] == ["b", "c", "a"]
    np.testing.assert_allclose([g.probability for g in found], shares[[1, 2, 0]], rtol=1e-6)
    # A network that ends in a softmax has said so itself; one that ends in its logarithm, too.
    same = likeliest(shares[None].astype(np.float32), "Softmax", [], 1)
    assert same[0].label == "1" and same[0].probability == pytest.approx(shares[1])
    again = likeliest(np.log(shares)[None].astype(np.float32), "LogSoftmax", [], 1)
    assert again[0].probability == pytest.approx(shares[1], rel=1e-5)
    assert likeliest(np.zeros((1, 2, 2), np.float32), "Conv", [], 5) == ()
