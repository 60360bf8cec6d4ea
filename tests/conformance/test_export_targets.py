"""One suite over every registered target: what is installed is exported to, run and compared."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from featherweight._native import instruction_sets
from featherweight.container import Network
from featherweight.errors import ExportError, InvalidArgumentError, MissingExtraError
from featherweight.export import (
    Pictures,
    Subject,
    Target,
    export,
    exporting,
    find_target,
    targets,
    without_data,
)
from featherweight.export.manifest import manifest_path
from featherweight.peers.runner import Runner
from featherweight.quantization import fold_batch_norm, measure_ranges, quantize
from featherweight.recipes.pack import pack

# What torch, torchao and the toolchains say about their own future is not this suite's matter.
pytestmark = pytest.mark.filterwarnings("ignore")
SHAPE = (3, 16, 16)


class Small(nn.Module):
    """A convolution, a depthwise one, a residual sum, a mean and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.last = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(self.depthwise(x)) + x
        return self.last(x.mean((2, 3)))


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return without_data(SHAPE)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return pack(Small().eval(), torch.zeros(1, *SHAPE), {}, {"class_names": list("abcde")})


@pytest.fixture(scope="module")
def subjects(network: Network, pictures: Pictures) -> dict[str, Subject]:
    """In floats, and quantized by us."""
    folded = fold_batch_norm(network)
    ranges = measure_ranges(folded, [torch.from_numpy(pictures.calibration)])
    return {
        "float32": Subject("small", network, pictures),
        "int8": Subject("small", quantize(folded, ranges), pictures),
    }


def cases() -> list[tuple[Target, str]]:
    return [(target, precision) for target in targets() for precision in target.precisions]


def installed(target: Target) -> None:
    if target.missing():
        pytest.skip(f"{target.missing()} is not installed")
    if target.name == "tvm-aarch64":
        pytest.skip("tests/export/test_tvm.py has it")


@pytest.mark.parametrize(
    ("target", "precision"), cases(), ids=lambda value: getattr(value, "name", value)
)
def test_it_is_written_checked_and_described(
    target: Target, precision: str, subjects: dict[str, Subject], tmp_path: Path
) -> None:
    installed(target)
    if (target.name, precision) == ("openvino", "int8") and "avx512" not in instruction_sets():
        pytest.skip("without VNNI, OpenVINO's 8-bit products saturate: the check may refuse them")
    subject = subjects.get(precision, subjects["float32"])
    path = tmp_path / f"small{target.suffix}"
    exported = export(subject, target.name, path, precision=precision)
    assert exported.file_bytes == sum(
        file.stat().st_size
        for named in target.files(path)
        for file in (named.rglob("*") if named.is_dir() else [named])
        if file.is_file()
    )
    manifest = json.loads(manifest_path(path).read_text())
    assert (manifest["target"], manifest["precision"]) == (target.name, precision)
    assert manifest["class_names"] == list("abcde")
    assert set(manifest["versions"]) == {"featherweight", *target.packages.values()}
    assert bool(manifest["scales"]["values"]) == (precision == "int8")
    if target.open is None:
        assert exported.parity is None and manifest["checked"]["why"]
        return
    assert exported.parity is not None
    assert (
        manifest["checked"]["samples"] == len(subject.pictures.checked) == exported.parity.samples
    )
    if precision == "float32":
        assert exported.parity.max_rel_diff < 1e-5
    if precision == "int8":
        assert exported.parity.snr_db > 25


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_a_missing_package_is_named_with_its_extra(
    target: Target, network: Network, pictures: Pictures, tmp_path: Path
) -> None:
    if target.missing() is None:
        pytest.skip(f"{target.title} is installed")
    with pytest.raises(MissingExtraError, match=rf"featherweight\[{target.extra}\]"):
        export(Subject("small", network, pictures), target.name, tmp_path / "small")


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_a_precision_that_it_does_not_have_is_refused(
    target: Target, network: Network, pictures: Pictures, tmp_path: Path
) -> None:
    subject = Subject("small", network, pictures)
    for precision in {"float32", "float16", "int8", "dynamic-int8"} - set(target.precisions):
        with pytest.raises(InvalidArgumentError, match="precision"):
            export(subject, target.name, tmp_path / "small", precision=precision)
    with pytest.raises(InvalidArgumentError, match="float64"):
        export(subject, target.name, tmp_path / "small", precision="float64")


def test_what_its_own_runtime_refuses_is_removed(
    subjects: dict[str, Subject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, threads: int) -> Runner:
        raise RuntimeError("operator 17 is missing")

    target = dataclasses.replace(find_target("onnx"), open=refuse)
    installed(target)
    monkeypatch.setattr(exporting, "find_target", lambda _: target)
    path = tmp_path / "small.onnx"
    with pytest.raises(ExportError, match=r"does not run it: operator 17 is missing$"):
        export(subjects["float32"], "onnx", path)
    assert list(tmp_path.iterdir()) == []
