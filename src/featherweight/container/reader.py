"""Read a `.fwt` file. The reader itself is native: this file turns its answers into dataclasses."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featherweight import _native
from featherweight.container.graph import Attribute, CodedTensor, Graph, Network, Node, ValueInfo
from featherweight.container.layout import MAX_COLUMNS, SECTION_NAMES, TENSORS
from featherweight.errors import FormatError

Source = str | os.PathLike[str] | bytes
"""The path of a file, or its bytes."""

TensorEntry = tuple[str, str, tuple[int, ...], str, int, list[tuple[str, str, int, int, int]]]
"""Name, dtype, shape, format, section, blocks (role, coder, symbols, bytes, width)."""


@dataclass(frozen=True)
class SectionSummary:
    """One section: its kind, the tensor it belongs to if it is only one, bytes and CRC-32."""

    name: str
    kind: str
    bytes: int
    checksum: int


@dataclass(frozen=True)
class LayerSummary:
    """One tensor: `density` is the share kept, `num_bits` the width of a code or value."""

    name: str
    format: str
    dtype: str
    shape: tuple[int, ...]
    density: float
    num_bits: int
    bytes: int
    coders: tuple[str, ...]


@dataclass(frozen=True)
class FileSummary:
    """What is inside a file. `storage_only`: some operator is outside the subset."""

    version: str
    file_bytes: int
    operator_set: int
    storage_only: bool
    sections: tuple[SectionSummary, ...]
    layers: tuple[LayerSummary, ...]


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A sparse tensor by rows [shape[0], elements / shape[0]] (compressed sparse rows).

    Row r keeps the columns `columns[row_start[r]:row_start[r + 1]]`; with a codebook its values
    are `codebook[codes]`, else `values`.
    """

    row_start: NDArray[np.uint32]
    columns: NDArray[np.uint16]
    codebook: NDArray[np.generic] | None
    codes: NDArray[np.uint8] | None
    values: NDArray[np.generic] | None


@contextmanager
def _opened(source: Source, max_decoded_bytes: int | None) -> Iterator[_native.Reader]:
    """Open a checked file; whatever the native reader refuses becomes a FormatError."""
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    try:
        if isinstance(source, bytes):
            yield _native.Reader.view(source, max_decoded_bytes)
        else:
            with Path(source).open("rb") as file:
                reader = _native.Reader.map(file.fileno(), max_decoded_bytes)
            yield reader
    except ValueError as error:
        raise FormatError(f"{name}: {error}") from error


def read(source: Source, *, max_decoded_bytes: int | None = None) -> Network:
    """Read a file, its tensors in their stored form.

    Large plain values are not copied: they are read-only views of the mapped file.

    Args:
        source: a path, or the bytes of a file.
        max_decoded_bytes: what the tensors may take once decoded; without it, 64 MiB or 1024
            times the file, whichever is more.

    Raises:
        FormatError: the file is truncated, altered, hostile or of another major version.
        OSError: the file cannot be opened.
    """
    with _opened(source, max_decoded_bytes) as reader:
        tensors = {
            name: CodedTensor(
                name, dtype, shape, format,
                values=reader.values(index),
                positions=reader.positions(index),
                codebook=reader.codebook(index),
                codes=reader.codes(index),
            )
            for index, (name, dtype, shape, format, _, _) in enumerate(reader.tensors())
        }  # fmt: skip
        return Network(_graph(reader), tensors, reader.metadata(), reader.storage_only)


def dense(
    source: Source, *, max_decoded_bytes: int | None = None
) -> dict[str, NDArray[np.generic]]:
    """Decode every tensor straight into a dense array of its shape and dtype, by name.

    Raises:
        FormatError, OSError: as `read`.
    """
    with _opened(source, max_decoded_bytes) as reader:
        return {entry[0]: reader.dense(index) for index, entry in enumerate(reader.tensors())}


def decode_sparse(source: Source, *, max_decoded_bytes: int | None = None) -> dict[str, SparseRows]:
    """Decode every sparse tensor of at most 65,536 columns straight into rows, by name.

    Raises:
        FormatError, OSError: as `read`.
    """
    with _opened(source, max_decoded_bytes) as reader:
        return {
            name: SparseRows(
                *reader.sparse_rows(index),
                codebook=reader.codebook(index),
                codes=reader.codes(index),
                values=reader.values(index),
            )
            for index, (name, _, shape, format, _, _) in enumerate(reader.tensors())
            if format.startswith("sparse") and math.prod(shape[1:]) <= MAX_COLUMNS
        }


def read_metadata(source: Source) -> dict[str, object]:
    """What a file says about itself (class names, preprocessing, accuracy); no tensor is decoded.

    Raises:
        FormatError, OSError: as `read`.
    """
    with _opened(source, None) as reader:
        return reader.metadata()


def inspect(source: Source) -> FileSummary:
    """Say what is inside a file, without decoding its tensors.

    Raises:
        FormatError, OSError: as `read`.
    """
    with _opened(source, None) as reader:
        tensors = reader.tensors()
        owners: dict[int, list[str]] = {}
        for entry in tensors:
            owners.setdefault(entry[4], []).append(entry[0])
        sections = [
            SectionSummary(_section_name(kind, owners.get(index, [])), _kind_name(kind), size, crc)
            for index, (kind, size, crc) in enumerate(reader.sections())
        ]
        return FileSummary(
            version=".".join(map(str, reader.version)),
            file_bytes=reader.file_bytes,
            operator_set=reader.graph()[3],
            storage_only=reader.storage_only,
            sections=tuple(sections),
            layers=tuple(_layer(entry) for entry in tensors),
        )


def check_file(path: Path) -> None:
    """Refuse a file whose header, sections, checksums or graph break the format."""
    with _opened(path, 2**63):
        pass


def _kind_name(kind: int) -> str:
    return SECTION_NAMES.get(kind, f"unknown {kind}")


def _section_name(kind: int, tensors: list[str]) -> str:
    return tensors[0] if kind == TENSORS and len(tensors) == 1 else _kind_name(kind)


def _layer(entry: TensorEntry) -> LayerSummary:
    name, dtype, shape, format, _, blocks = entry
    elements = math.prod(shape)
    _, _, kept, _, num_bits = blocks[-1]
    return LayerSummary(
        name=name,
        format=format,
        dtype=dtype,
        shape=shape,
        density=kept / elements if elements else 1.0,
        num_bits=num_bits,
        bytes=sum(block[3] for block in blocks),
        coders=tuple(dict.fromkeys(block[1] for block in blocks if block[1] != "raw")) or ("raw",),
    )


def _graph(reader: _native.Reader) -> Graph:
    inputs, outputs, nodes, operator_set = reader.graph()
    return Graph(
        inputs=tuple(ValueInfo(*info) for info in inputs),
        outputs=tuple(ValueInfo(*info) for info in outputs),
        nodes=tuple(
            Node(operator, sources, names, {key: _attribute(v) for key, v in attributes.items()})
            for operator, sources, names, attributes in nodes
        ),
        operator_set=operator_set,
    )


def _attribute(value: int | float | str | list[int] | list[float]) -> Attribute:
    return tuple(value) if isinstance(value, list) else value
