"""The native half of featherweight: coders, k-means, CRC-32 and the reader of `.fwt` files.

Arrays must be one-dimensional, C-contiguous and of the given dtype, else a TypeError comes; bytes
that do not follow their format raise a ValueError.
"""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

_Dimension = int | str
_Attribute = int | float | str | list[int] | list[float]
_ValueInfo = tuple[str, str, tuple[_Dimension, ...]]
_Node = tuple[str, tuple[str, ...], tuple[str, ...], dict[str, _Attribute]]
_Block = tuple[str, str, int, int, int]

def crc32(data: Buffer) -> int:
    """zlib's CRC-32."""

def huffman_encode(symbols: NDArray[np.uint8]) -> bytes:
    """Canonical Huffman, four interleaved streams (native/src/coders/huffman.h)."""

def huffman_decode(data: bytes, count: int) -> NDArray[np.uint8]:
    """The `count` symbols of a Huffman block."""

def rans_encode(symbols: NDArray[np.uint8]) -> bytes:
    """Static range asymmetric numeral system, interleaved (native/src/coders/rans.h)."""

def rans_decode(data: bytes, count: int) -> NDArray[np.uint8]:
    """The `count` symbols of a rANS block."""

def packed_encode(symbols: NDArray[np.uint8], num_bits: int) -> bytes:
    """Symbols of `num_bits` (1 to 8) back to back (native/src/coders/packed.h)."""

def packed_decode(data: bytes, count: int, num_bits: int) -> NDArray[np.uint8]:
    """The `count` symbols of a packed block."""

def context_encode_codes(
    symbols: NDArray[np.uint8],
    num_bits: int,
    columns: int = 0,
    positions: NDArray[np.int64] | None = None,
) -> bytes:
    """Adaptive range coder over symbols of `num_bits` (native/src/coders/context.h).

    Symbol i lies at positions[i] (ascending), or without positions at i, of a matrix in rows of
    `columns` (0: one row); neighbours foretell each other.
    """

def context_decode_codes(
    data: bytes,
    count: int,
    num_bits: int,
    columns: int = 0,
    positions: NDArray[np.int64] | None = None,
) -> NDArray[np.uint8]:
    """The `count` symbols of a context block of codes; where they lie is not in the block."""

def context_encode_mask(mask: NDArray[np.uint8] | NDArray[np.bool_], columns: int) -> bytes:
    """Adaptive range coder over a mask in rows of `columns` (native/src/coders/context.h)."""

def context_decode_mask(data: bytes, count: int, columns: int) -> NDArray[np.bool_]:
    """The `count` elements of a context block of a mask."""

def kmeans_1d(
    values: NDArray[np.float32], centroids: NDArray[np.float32], max_iterations: int = 1000
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Lloyd's iteration from `centroids` [k], k from 1 to 256.

    Returns:
        centroids [k], ascending, each the mean of its values (an empty cluster keeps its own), and
        the code of the nearest centroid for each value.
    """

def kmeans_1d_optimal(values: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """The at most `k` ascending centroids with the least sum of squared distances."""

class Reader:
    """A checked `.fwt` file; tensors are named by their index in `tensors()`."""

    @staticmethod
    def map(descriptor: int, max_decoded_bytes: int | None = None) -> Reader: ...
    @staticmethod
    def view(data: bytes, max_decoded_bytes: int | None = None) -> Reader: ...
    @property
    def version(self) -> tuple[int, int]: ...
    @property
    def file_bytes(self) -> int: ...
    @property
    def storage_only(self) -> bool: ...
    def sections(self) -> list[tuple[int, int, int]]:
        """Kind, length and CRC-32 of each."""

    def graph(self) -> tuple[list[_ValueInfo], list[_ValueInfo], list[_Node], int]:
        """Inputs, outputs, nodes, operator set."""

    def tensors(self) -> list[tuple[str, str, tuple[int, ...], str, int, list[_Block]]]:
        """Name, dtype, shape, format, section, blocks (role, coder, symbols, bytes, width)."""

    def metadata(self) -> dict[str, object]: ...
    def positions(self, index: int) -> NDArray[np.int64] | None: ...
    def codes(self, index: int) -> NDArray[np.uint8] | None: ...
    def values(self, index: int) -> NDArray[np.generic] | None: ...
    def codebook(self, index: int) -> NDArray[np.generic] | None: ...
    def dense(self, index: int) -> NDArray[np.generic]: ...
    def sparse_rows(self, index: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]: ...

class Matrix:
    """Weights in an execution format; zeros are what is pruned. For tests and benchmarks."""

    def __init__(self, format: str, weights: NDArray[np.float32], vector: bool = False) -> None:
        """`vector`: packed for products with one vector, where the format has such a layout."""

    @property
    def format(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    def multiply(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """y [rows, columns] = weights @ x [depth, columns], one thread."""

    def multiply_vector(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """y [rows] = weights @ x [depth], one thread."""

class Int8Matrix:
    """Weights int8 [rows, depth] with a scale a row, for `multiply_vector` or for `multiply`.

    For tests and benchmarks.
    """

    def __init__(
        self,
        weights: NDArray[np.int8],
        scale: NDArray[np.float32],
        activation_bits: int = 8,
        vector: bool = False,
    ) -> None: ...
    @property
    def bytes(self) -> int: ...
    def multiply(
        self, x: NDArray[np.uint32], scale: float, zero_point: int, y: NDArray[np.float32]
    ) -> None:
        """y [rows, columns] of x [(depth + 3) / 4, columns] as `quantize_channels` packs it."""

    def multiply_vector(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """y [rows] of x [depth], which is quantized by its own range."""

def quantize_channels(
    x: NDArray[np.float32], scale: float, zero_point: int, top: int, out: NDArray[np.uint32]
) -> None:
    """x [channels, columns] into out [(channels + 3) / 4, columns], four channels an element."""

def measure_quantization(x: NDArray[np.float32], top: int = 255) -> tuple[float, int]:
    """Scale and zero point of the range of x [n]."""

def instruction_sets() -> list[str]: ...
def choose_instruction_set(name: str) -> None: ...
def pack_signs(x: NDArray[np.float32], signs: NDArray[np.uint32]) -> None:
    """signs [ceil(channels / 32), columns]: bit c is whether x [channels, columns] is negative."""

class BinaryMatrix:
    """Signs of weights [rows, channels], one bit each. For tests and benchmarks."""

    def __init__(self, weights: NDArray[np.float32]) -> None: ...
    @property
    def bytes(self) -> int: ...
    def multiply(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """y [rows, columns] = sign(weights) @ sign(x) [channels, columns], one thread."""

    def multiply_signs(self, x: NDArray[np.uint32], y: NDArray[np.float32]) -> None:
        """The same of an x that `pack_signs` packed."""

    def multiply_vector(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """y [rows] = sign(weights) @ sign(x) [channels], one thread."""

class Session:
    """A file that runs (native/include/featherweight/session.h)."""

    @staticmethod
    def open(
        path: str,
        batch: int,
        threads: int,
        prefers_memory: bool,
        exact: bool,
        break_even: str = "",
        memory_limit: int | None = None,
    ) -> Session: ...
    @staticmethod
    def load(
        data: bytes,
        batch: int,
        threads: int,
        prefers_memory: bool,
        exact: bool,
        break_even: str = "",
        memory_limit: int | None = None,
    ) -> Session: ...
    @property
    def inputs(self) -> list[tuple[str, list[int], bool]]:
        """Name, shape, whether the first dimension is the batch."""

    @property
    def outputs(self) -> list[tuple[str, list[int], bool]]: ...
    @property
    def weight_bytes(self) -> int: ...
    @property
    def arena_bytes(self) -> int: ...
    @property
    def plan_bytes(self) -> int: ...
    @property
    def layers(self) -> list[tuple[str, str, str, str, str, int, float]]:
        """Name, operator, format, detail, note, bytes of weights, ms of the last timed run."""

    def time_layers(self, on: bool) -> None: ...
    def run(self, inputs: list[NDArray[np.float32]], outputs: list[NDArray[np.float32]]) -> float:
        """Fill the outputs; return the milliseconds it took."""

def runtime_operators() -> list[str]: ...
