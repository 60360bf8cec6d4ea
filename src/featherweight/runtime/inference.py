"""One inference from files: an array or a picture in, outputs and the likeliest classes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featherweight.container import read_metadata
from featherweight.errors import DataError, InvalidArgumentError
from featherweight.pictures import decode
from featherweight.runtime.session import Port, Session
from featherweight.validation import check_range


@dataclass(frozen=True)
class Guess:
    """A class and how likely the network takes it to be, in [0, 1]."""

    label: str
    probability: float


@dataclass(frozen=True, eq=False)
class Inference:
    """What a run gave; `latency_ms` is the median of its repetitions, without preprocessing."""

    outputs: tuple[NDArray[np.float32], ...]
    top: tuple[Guess, ...]
    """The likeliest classes of the first sample; empty if the output is not [n, classes]."""
    latency_ms: float


def infer(
    file: str | Path,
    source: str | Path,
    *,
    top: int = 5,
    repeat: int = 1,
    threads: int = 1,
    prefer: str = "speed",
    exact: bool = False,
    break_even: str | Path | None = None,
) -> Inference:
    """Run `file` on the array (`.npy`) or picture at `source`.

    Args:
        top: how many classes to name, the likeliest first.
        repeat: timed runs, after one that is not timed.
        threads: of the processor.
        prefer: as `Session`, and so are `exact` and `break_even`.

    Raises:
        FormatError, RunError: the file breaks its format, or cannot run.
        InvalidArgumentError: the network has several inputs, or the array does not fit.
        DataError: the array or the picture is damaged.
        OSError: a file cannot be opened.
    """
    check_range("repeat", repeat, 1, 1_000_000)
    session = Session(file, threads=threads, prefer=prefer, exact=exact, break_even=break_even)
    metadata = read_metadata(file)
    if len(session.inputs) != 1:
        raise InvalidArgumentError(
            f"{file} must have one input to be run on a file, but has {len(session.inputs)}."
        )
    port = session.inputs[0]
    is_array = Path(source).suffix == ".npy"
    x = _array(Path(source), port) if is_array else _picture(Path(source), port, metadata)
    result = session.run(x)
    milliseconds = []
    for _ in range(repeat):
        session.run(x)
        milliseconds.append(session.milliseconds)
    outputs = tuple(result) if isinstance(result, list) else (result,)
    last = session.layers[-1].operator if session.layers else ""
    names = metadata.get("class_names")
    guesses = likeliest(outputs[0], last, names if isinstance(names, list) else [], top)
    return Inference(outputs, guesses, float(np.median(milliseconds)))


def likeliest(
    output: NDArray[np.float32], last_operator: str, class_names: Sequence[object], count: int
) -> tuple[Guess, ...]:
    """The `count` likeliest classes of the first row of `output` [n, classes].

    Scores become probabilities by softmax, unless the network's `last_operator` made them so. A
    class without a name is called by its number.
    """
    if output.ndim != 2 or not len(output):
        return ()
    scores = output[0].astype(np.float64)
    if last_operator == "Softmax":
        probabilities = scores
    else:  # of logarithms of probabilities, too: their exponentials sum to one
        powers = np.exp(scores - scores.max())
        probabilities = powers / powers.sum()
    order = np.argsort(-probabilities, kind="stable")[:count]
    return tuple(
        Guess(str(class_names[i]) if i < len(class_names) else str(i), float(probabilities[i]))
        for i in order.tolist()
    )


def _array(path: Path, port: Port) -> NDArray[Any]:
    """The array at `path`; a single sample may come without its batch."""
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is not an array in NumPy's format: {error}.") from error
    return array[None] if array.ndim == len(port.shape) - 1 else array


def _picture(path: Path, port: Port, metadata: Mapping[str, object]) -> NDArray[np.float32]:
    """The picture at `path` as the network wants it: [1, C, H, W], (pixel / 255 - mean) / std."""
    if len(port.shape) != 4 or port.shape[1] not in (1, 3):
        raise InvalidArgumentError(
            f"a picture needs an input of one or three channels, but {port.name!r} is "
            f"{list(port.shape)}."
        )
    channels, height, width = port.shape[1:]
    pixels = decode(path, (height, width), channels == 1)
    said = metadata.get("preprocessing")
    said = said if isinstance(said, dict) else {}
    mean = _by_channel(said.get("mean", [0.0]), channels, "mean")
    std = _by_channel(said.get("std", [1.0]), channels, "std")
    return (pixels[None].astype(np.float32) / np.float32(255) - mean) / std


def _by_channel(values: object, channels: int, name: str) -> NDArray[np.float32]:
    try:
        array = np.asarray(values, dtype=np.float32)
        return np.broadcast_to(array, (channels,)).reshape(channels, 1, 1)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"the metadata's `{name}` must be one number a channel, but is {values!r}."
        ) from error
