"""Write a `.fwt` file. The same network gives the same bytes on every machine."""

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featherweight.container.checking import check_tensor
from featherweight.container.encode import CODER_CHOICES, EncodedBlock, encode_tensor
from featherweight.container.graph import Network
from featherweight.container.graph_section import graph_map, operator_set_of, tensor_order
from featherweight.container.layout import (
    ENTRY,
    GRAPH,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    METADATA,
    REQUIRED,
    TENSORS,
    VERSION,
    aligned,
)
from featherweight.container.metadata import canonical, plain
from featherweight.container.operators import check_operators
from featherweight.container.reader import check_file
from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_choice

OWN_SECTION_BYTES = 65_536
"""A tensor of this size gets a section of its own: aligned, and checked apart. The small ones
share one, where an entry of the table and the gap before it would weigh more than they do."""

Chunk = bytes | memoryview


@dataclass(frozen=True)
class BlockSummary:
    """One block of a tensor: what it holds, how it is coded, and its bytes in the file."""

    role: str
    coder: str
    symbols: int
    width: int
    bytes: int


@dataclass(frozen=True)
class TensorSummary:
    """One tensor as it was written."""

    name: str
    format: str
    blocks: tuple[BlockSummary, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all its blocks, codebook included."""
        return sum(block.bytes for block in self.blocks)

    @property
    def coder(self) -> str:
        """The coders of its coded blocks, as in "huffman" or "rans+huffman"; "raw" if none is."""
        coders = dict.fromkeys(block.coder for block in self.blocks if block.coder != "raw")
        return "+".join(coders) or "raw"


@dataclass(frozen=True)
class WriteSummary:
    """What a written file holds. `file_bytes` counts all of it."""

    file_bytes: int
    tensors: tuple[TensorSummary, ...]


@dataclass(frozen=True)
class _Section:
    kind: int
    chunks: Sequence[Chunk]

    @property
    def length(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)


def write(path: str | os.PathLike[str], network: Network, *, coder: str = "auto") -> WriteSummary:
    """Write `network` to `path`, through a temporary file beside it that is then renamed.

    Args:
        coder: "huffman", "rans", "packed" or "context" for all streams of symbols; "auto" takes
            the smallest for each, the slow context coder only for tensors of up to 4 M elements.

    Raises:
        UnsupportedOperatorError: an operator is outside the subset, unless the network is
            `storage_only`.
        InvalidArgumentError: a tensor, a name or the metadata breaks a rule of the format.
    """
    check_choice("coder", coder, CODER_CHOICES)
    if not network.storage_only:
        check_operators(network.graph)
    metadata = canonical(plain(network.metadata)) if network.metadata else b""
    for name, tensor in network.tensors.items():
        if tensor.name != name:
            raise InvalidArgumentError(f"tensor {tensor.name!r} stands under the name {name!r}.")
        check_tensor(tensor)
    blocks = {name: encode_tensor(network.tensors[name], coder) for name in tensor_order(network)}
    sections = _sections(network, blocks, metadata)
    target = Path(path)
    _write_renamed(target, list(_file_chunks(sections, operator_set_of(network.graph))))
    return WriteSummary(
        target.stat().st_size,
        tuple(_summary(network.tensors[name].format, name, blocks[name]) for name in blocks),
    )


def _summary(format: str, name: str, blocks: Sequence[EncodedBlock]) -> TensorSummary:
    return TensorSummary(
        name,
        format,
        tuple(BlockSummary(b.role, b.coder, b.symbols, b.width, b.bytes) for b in blocks),
    )


def _sections(
    network: Network, blocks: Mapping[str, Sequence[EncodedBlock]], metadata: bytes
) -> tuple[_Section, ...]:
    """Graph, then tensors (a section is opened by the first tensor in it), then metadata."""
    numbers: dict[str, int] = {}
    chunks: list[list[Chunk]] = []
    shared: int | None = None
    for name, parts in blocks.items():
        if sum(part.bytes for part in parts) >= OWN_SECTION_BYTES:
            number = len(chunks)
        else:
            number = shared = len(chunks) if shared is None else shared
        if number == len(chunks):
            chunks.append([])
        chunks[number] += [part.data for part in parts]
        numbers[name] = 1 + number
    graph = canonical(graph_map(network, numbers, blocks))
    sections = [_Section(GRAPH, [graph]), *(_Section(TENSORS, parts) for parts in chunks)]
    if metadata:
        sections.append(_Section(METADATA, [metadata]))
    return tuple(sections)


def _file_chunks(sections: Sequence[_Section], operator_set: int) -> Iterator[Chunk]:
    end = HEADER_BYTES + len(sections) * ENTRY.size
    table, body = b"", []
    for section in sections:
        offset, crc = aligned(end), 0
        for chunk in section.chunks:
            crc = zlib.crc32(chunk, crc)
        flags = 0 if section.kind == METADATA else REQUIRED
        table += ENTRY.pack(section.kind, flags, offset, section.length, crc)
        body += [bytes(offset - end), *section.chunks]
        end = offset + section.length
    header = HEADER.pack(MAGIC, *VERSION, operator_set, end, len(sections), zlib.crc32(table))
    yield header + zlib.crc32(header).to_bytes(4, "little") + table
    yield from body


def _write_renamed(path: Path, chunks: Sequence[Chunk]) -> None:
    """The name `path` never shows half a file, nor one that the reader would refuse."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        check_file(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
