"""From a coded tensor to the blocks of a file: relative indices, and the smallest coder.

Relative indices follow Deep Compression (arXiv 1510.00149, section 2), except that a gap too long
for one symbol is bridged by an escape that stores no weight: no padding zero costs a code.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featherweight import _native
from featherweight.container.graph import CodedTensor
from featherweight.container.layout import MAX_COLUMNS, ROLES

CONTEXT_LIMIT = 4_000_000
"""`auto` leaves the context coder out above this many elements: it decodes slowly."""

CONTEXT_GAIN = 0.99
"""`auto` takes the context coder for a block that it makes smaller than this share of the best
other: it decodes some fifty times more slowly, and on positions without structure gains nothing."""

EXACT_LIMIT = 65_536
"""Up to this many kept elements the width of relative indices is found by coding with each."""

CODER_CHOICES = ("auto", "context", "huffman", "packed", "rans")

# Of widths as good as equal, the one with the fewest symbols decodes fastest.
_AS_GOOD = 1.001


@dataclass(frozen=True, eq=False)
class EncodedBlock:
    """One block: `symbols` of `width` bits each before coding, coded as `data`."""

    role: str
    coder: str
    symbols: int
    width: int
    data: memoryview | bytes

    @property
    def bytes(self) -> int:
        """Bytes in the file."""
        return len(self.data)


def encode_tensor(tensor: CodedTensor, coder: str) -> tuple[EncodedBlock, ...]:
    """Return the blocks of `tensor`, in the order of its format.

    Args:
        coder: one of `CODER_CHOICES`; "auto" takes the smallest for each block.
    """
    coders = candidate_coders(coder, tensor.elements)
    blocks = []
    for role in ROLES[tensor.format]:
        if role == "positions":
            blocks.append(_encode_positions(tensor, coders))
        elif role == "codes":
            blocks.append(_encode_codes(tensor, coders))
        else:
            blocks.append(_plain(role, np.asarray(getattr(tensor, role))))
    return tuple(blocks)


def candidate_coders(coder: str, elements: int) -> tuple[str, ...]:
    """The coders to try, fastest to decode first, so that it wins a tie."""
    if coder != "auto":
        return (coder,)
    return ("packed", "huffman", "rans", *(("context",) if elements <= CONTEXT_LIMIT else ()))


def code_width(entries: int) -> int:
    """Bits that hold every code of a codebook with `entries` entries, at least one."""
    return max(1, (entries - 1).bit_length())


def gap_symbols(positions: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Relative indices of `positions` [kept], ascending, as symbols uint8 [kept + escapes].

    A symbol g < 2^width - 1 skips g zeros to a kept element; 2^width - 1 skips as many zeros.
    """
    escape = (1 << width) - 1
    zeros = np.diff(positions, prepend=-1) - 1
    escapes, rest = np.divmod(zeros, escape)
    # `ends` is where the symbol of each kept element comes to stand behind its escapes.
    ends = np.cumsum(escapes + 1, out=escapes)
    symbols = np.full(int(ends[-1]) if ends.size else 0, escape, dtype=np.uint8)
    symbols[ends - 1] = rest
    return symbols


def index_width(positions: NDArray[np.int64], coders: Iterable[str]) -> int:
    """The width (1 to 8) of relative indices that takes the fewest bytes.

    Few positions are coded with each width; of many, the entropy of the symbols is compared.
    """
    if positions.size <= EXACT_LIMIT:
        costs = [
            (len(encode_symbols("positions", gap_symbols(positions, width), width, coders).data), 0)
            for width in range(1, 9)
        ]
        return 1 + costs.index(min(costs))
    zeros, counts = np.unique(np.diff(positions, prepend=-1) - 1, return_counts=True)
    estimates = [_width_cost(zeros, counts, width) for width in range(1, 9)]
    limit = _AS_GOOD * min(bits for bits, _ in estimates)
    _, best = min(
        (count, width + 1) for width, (bits, count) in enumerate(estimates) if bits <= limit
    )
    return best


def _width_cost(
    zeros: NDArray[np.int64], counts: NDArray[np.int64], width: int
) -> tuple[float, int]:
    """(bits, symbols) of relative indices, from how often each run of zeros occurs."""
    escape = (1 << width) - 1
    symbols = np.bincount(zeros % escape, weights=counts, minlength=escape + 1)
    symbols[escape] += (zeros // escape * counts).sum()
    used = symbols[symbols > 0]
    return float((used * np.log2(used.sum() / used)).sum()), int(used.sum())


def encode_symbols(
    role: str, symbols: NDArray[np.uint8], width: int, coders: Iterable[str]
) -> EncodedBlock:
    """Code `symbols` of `width` bits with each of `coders`; the smallest block wins."""
    symbols = np.ascontiguousarray(symbols)
    blocks = [
        EncodedBlock(role, coder, symbols.size, width, _encode(symbols, width, coder))
        for coder in coders
    ]
    return smallest(blocks)


def smallest(blocks: Sequence[EncodedBlock]) -> EncodedBlock:
    """The block of fewest bytes; the first of equals; the context coder only for a real gain."""

    def cost(block: EncodedBlock) -> float:
        return block.bytes / CONTEXT_GAIN if block.coder == "context" else block.bytes

    return min(blocks, key=cost)


def _encode(symbols: NDArray[np.uint8], width: int, coder: str) -> bytes:
    if coder == "packed":
        return _native.packed_encode(symbols, width)
    return _native.huffman_encode(symbols) if coder == "huffman" else _native.rans_encode(symbols)


def _encode_positions(tensor: CodedTensor, coders: tuple[str, ...]) -> EncodedBlock:
    positions = np.ascontiguousarray(tensor.positions)
    streams = _streams(coders)
    blocks = []
    if streams:
        width = tensor.index_bits or index_width(positions, streams)
        blocks.append(encode_symbols("positions", gap_symbols(positions, width), width, streams))
    if "context" in coders:
        mask = np.zeros(tensor.elements, dtype=np.uint8)
        mask[positions] = 1
        data = _native.context_encode_mask(mask, columns_of(tensor))
        blocks.append(EncodedBlock("positions", "context", mask.size, 1, data))
    return smallest(blocks)


def _encode_codes(tensor: CodedTensor, coders: tuple[str, ...]) -> EncodedBlock:
    codes = np.ascontiguousarray(np.asarray(tensor.codes).reshape(-1))
    width = code_width(np.asarray(tensor.codebook).size)
    streams = _streams(coders)
    blocks = [encode_symbols("codes", codes, width, streams)] if streams else []
    if "context" in coders:
        positions = None if tensor.positions is None else np.ascontiguousarray(tensor.positions)
        data = _native.context_encode_codes(codes, width, columns_of(tensor), positions)
        blocks.append(EncodedBlock("codes", "context", codes.size, width, data))
    return smallest(blocks)


def _streams(coders: tuple[str, ...]) -> tuple[str, ...]:
    """The coders of symbols alone: the context coder sees where they lie, too."""
    return tuple(coder for coder in coders if coder != "context")


def columns_of(tensor: CodedTensor) -> int:
    """The length of a row for the context coder: what shares the first index, up to a bound."""
    if not tensor.elements or not tensor.shape:
        return 1
    return min(tensor.elements // tensor.shape[0], MAX_COLUMNS)


def _plain(role: str, values: NDArray[np.generic]) -> EncodedBlock:
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    data = little.reshape(-1).view(np.uint8).data
    return EncodedBlock(role, "raw", values.size, 8 * values.dtype.itemsize, data)
