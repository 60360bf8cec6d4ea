"""What a tensor must fulfil before it is written: bare facts, as InvalidArgumentError."""

import numpy as np

from featherweight.container.graph import CodedTensor
from featherweight.container.layout import DTYPES, FORMATS, ROLES
from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_choice, check_range

MAX_NAME_BYTES = 255
MAX_CODEBOOK = 256
PARTS = ("values", "positions", "codebook", "codes")


def check_name(name: str, what: str) -> str:
    """Return `name` if it is 1 to 255 bytes of UTF-8 without control characters."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not 1 <= size <= MAX_NAME_BYTES or any(c < " " or c == "\x7f" for c in name):
        raise InvalidArgumentError(
            f"the name of {what} must be 1 to {MAX_NAME_BYTES} bytes of UTF-8 without control "
            f"characters, but got {name!r}."
        )
    return name


def check_tensor(tensor: CodedTensor) -> None:
    """Refuse a tensor whose parts do not fit each other.

    Raises:
        InvalidArgumentError: names the tensor, the rule and the value.
    """
    where = f"for tensor {tensor.name!r}"
    check_name(tensor.name, "a tensor")
    check_choice("dtype", tensor.dtype, DTYPES, where)
    check_choice("format", tensor.format, FORMATS, where)
    given = tuple(part for part in PARTS if getattr(tensor, part) is not None)
    if set(given) != set(ROLES[tensor.format]):
        _refuse(tensor, f"format {tensor.format} needs {', '.join(ROLES[tensor.format])}", given)
    if tensor.index_bits is not None:
        check_range("index_bits", tensor.index_bits, 1, 8, where)
    for part in (tensor.values, tensor.codebook):
        if part is not None and part.dtype != np.dtype(tensor.dtype):
            _refuse(tensor, f"values must be {tensor.dtype}", part.dtype)
    _check_sizes(tensor)


def _check_sizes(tensor: CodedTensor) -> None:
    kept = tensor.elements
    if tensor.positions is not None:
        kept = tensor.positions.size
        _check_positions(tensor)
    if tensor.codebook is not None and not 1 <= tensor.codebook.size <= MAX_CODEBOOK:
        _refuse(tensor, "a codebook must have 1 to 256 entries", tensor.codebook.size)
    for name in ("values", "codes"):
        part = getattr(tensor, name)
        if part is not None and part.size != kept:
            _refuse(tensor, f"there must be {kept} {name}, one for each kept element", part.size)
    if tensor.codes is not None and tensor.codebook is not None:
        if tensor.codes.dtype != np.uint8:
            _refuse(tensor, "codes must be uint8", tensor.codes.dtype)
        if kept and int(tensor.codes.max()) >= tensor.codebook.size:
            _refuse(tensor, f"codes must be below {tensor.codebook.size}", tensor.codes.max())


def _check_positions(tensor: CodedTensor) -> None:
    positions = np.asarray(tensor.positions)
    if positions.dtype != np.int64 or positions.ndim != 1:
        _refuse(tensor, "positions must be int64 [kept]", (positions.dtype, positions.shape))
    if positions.size == 0:
        return
    if positions[0] < 0 or positions[-1] >= tensor.elements:
        where = (int(positions[0]), int(positions[-1]))
        _refuse(tensor, f"positions must be from 0 to {tensor.elements - 1}", where)
    if not (positions[1:] > positions[:-1]).all():
        _refuse(tensor, "positions must be strictly increasing", "a step back or a repetition")


def _refuse(tensor: CodedTensor, rule: str, got: object) -> None:
    raise InvalidArgumentError(f"{rule}, but got {got} for tensor {tensor.name!r}.")
