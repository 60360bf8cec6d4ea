"""Take a .fwt file apart and put it together again with right checksums: for hostile files."""

import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import cbor2

Section = tuple[int, int, bytes]
"""Kind, flags, body."""

GRAPH, TENSORS, METADATA = 1, 2, 3


def take_apart(data: bytes) -> list[Section]:
    """The sections of a good file."""
    (count,) = struct.unpack_from("<I", data, 24)
    entries = [struct.unpack_from("<IIQQII", data, 64 + 32 * i) for i in range(count)]
    return [(kind, flags, data[at : at + size]) for kind, flags, at, size, _, _ in entries]


def forge(sections: Iterable[Section], **header: Any) -> bytes:
    """A file of these sections; `header` overrides major, minor, operator_set, length or count."""
    sections = list(sections)
    end = 64 + 32 * len(sections)
    table, body = b"", b""
    for kind, flags, data in sections:
        gap = -end % 64
        table += struct.pack("<IIQQI4x", kind, flags, end + gap, len(data), zlib.crc32(data))
        body += bytes(gap) + data
        end += gap + len(data)
    return with_header(table, body, len(sections), end, **header)


def with_header(table: bytes, body: bytes, sections: int, size: int, **header: Any) -> bytes:
    """A header with right checksums before a section table and what follows it."""
    fields = {"major": 1, "minor": 0, "operator_set": 20, "length": size, "count": sections}
    fields |= header
    head = struct.pack("<8sHHIQII28x", b"\x89FWT\r\n\x1a\n", *fields.values(), zlib.crc32(table))
    return head + struct.pack("<I", zlib.crc32(head)) + table + body


def with_table(data: bytes, index: int, format_offset: int, new: bytes) -> bytes:
    """`data` with bytes of entry `index` of its section table changed, and right checksums."""
    (count,) = struct.unpack_from("<I", data, 24)
    table = bytearray(data[64 : 64 + 32 * count])
    at = 32 * index + format_offset
    table[at : at + len(new)] = new
    return with_header(bytes(table), data[64 + 32 * count :], count, len(data))


def with_graph(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """`data` with its graph changed in place by `change`."""
    sections = take_apart(data)
    graph = cbor2.loads(sections[0][2])
    change(graph)
    return forge([(GRAPH, 1, cbor2.dumps(graph, canonical=True)), *sections[1:]])


def with_body(data: bytes, kind: int, body: bytes) -> bytes:
    """`data` with the first section of this kind replaced."""
    sections = take_apart(data)
    index = [section[0] for section in sections].index(kind)
    sections[index] = (kind, sections[index][1], body)
    return forge(sections)
