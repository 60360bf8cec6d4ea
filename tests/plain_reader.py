"""The oracle of the native reader: docs/format.md in slow, simple Python.

It shares no code with the writer or with the native reader: struct, zlib and cbor2 only. It
refuses what they must refuse, so that a file that one of them takes wrongly shows in a test.
The coders are in `plain_coders` and `plain_context`.
"""

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cbor2

import plain_coders
from plain_coders import Malformed, require
from plain_context import decode_context_codes, decode_context_mask

DTYPES = {0: "float32", 1: "float16", 2: "int64", 3: "int32", 4: "uint8", 5: "int8", 6: "bool"}
STRUCT_CODES = {0: "f", 1: "e", 2: "q", 3: "i", 4: "B", 5: "b", 6: "?"}
FORMATS = {0: "raw", 1: "shared", 2: "sparse", 3: "sparse_shared"}
BLOCKS = {0: ["values"], 1: ["book", "codes"], 2: ["at", "values"], 3: ["at", "book", "codes"]}
RAW, PACKED, HUFFMAN, RANS, CONTEXT = range(5)


@dataclass
class PlainTensor:
    """One tensor with all its elements, row-major."""

    dtype: str
    shape: tuple[int, ...]
    format: str
    elements: list[Any]


@dataclass
class PlainFile:
    """All that one file says; `nodes` with the names of their inputs."""

    operator_set: int
    inputs: list[Any]
    outputs: list[Any]
    nodes: list[Any]
    tensors: dict[str, PlainTensor]
    metadata: dict[str, Any]
    storage_only: bool


def read_plain(data: bytes, decode: bool = True) -> PlainFile:
    """Read a whole file.

    Args:
        decode: False leaves the tensors' elements out.

    Raises:
        Malformed: the file breaks the format.
    """
    try:
        return _read(data, decode)
    except (struct.error, cbor2.CBORError, LookupError, TypeError, ArithmeticError) as error:
        raise Malformed(f"{type(error).__name__}: {error}") from error
    except (ValueError, AttributeError, RecursionError, MemoryError) as error:
        raise Malformed(f"{type(error).__name__}: {error}") from error


def _read(data: bytes, decode: bool) -> PlainFile:
    operator_set, sections = _sections(data)
    graphs = [body for kind, body in sections if kind == 1]
    notes = [body for kind, body in sections if kind == 3]
    require(len(graphs) == 1 and len(notes) <= 1, "one graph, at most one metadata")
    graph = _cbor(graphs[0])
    metadata = _cbor(notes[0]) if notes else {}
    require(type(metadata) is dict, "metadata is a map")
    _check_plain(metadata, 0)
    nodes = _nodes(graph)
    tensors = _tensors(graph["tensors"], sections, decode, max(1 << 26, 1024 * len(data)))
    storage_only = graph.get("storage_only", False)
    require(type(storage_only) is bool, "storage_only is true or false")
    return PlainFile(
        operator_set, graph["inputs"], graph["outputs"], nodes, tensors, metadata, storage_only
    )


def _sections(data: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    head = struct.unpack("<8sHHIQII28sI", data[:64])
    magic, major, _, operator_set, length, count, table_crc, reserved, crc = head
    require(magic == b"\x89FWT\r\n\x1a\n" and major == 1, "magic and version")
    require(crc == zlib.crc32(data[:60]) and reserved == bytes(28), "header")
    require(length == len(data) and operator_set > 0 and count <= 65536, "header's numbers")
    table = data[64 : 64 + 32 * count]
    require(len(table) == 32 * count and zlib.crc32(table) == table_crc, "section table")
    end, sections = 64 + 32 * count, []
    for entry in struct.iter_unpack("<IIQQII", table):
        kind, flags, offset, length, crc, reserved = entry
        require(offset == -(-end // 64) * 64 and offset + length <= len(data), "place of section")
        require(not any(data[end:offset]) and reserved == 0, "zero bytes")
        require(flags == {1: 1, 2: 1}.get(kind, 0), "flags, and unknown kinds are not required")
        body = data[offset : offset + length]
        require(zlib.crc32(body) == crc, "checksum")
        sections.append((kind, body))
        end = offset + length
    require(end == len(data), "nothing behind the last section")
    return operator_set, sections


def _cbor(data: bytes) -> Any:
    value = cbor2.loads(data)
    # Deterministic: whatever was written in another way comes out differently here.
    require(cbor2.dumps(value, canonical=True) == data, "deterministic CBOR")
    return value


def _check_plain(value: Any, depth: int) -> None:
    require(depth < 32, "nesting")
    if isinstance(value, dict):
        for key, item in value.items():
            require(type(key) is str, "keys are text")
            _check_plain(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, depth + 1)
    elif type(value) is int:
        require(-(2**63) <= value < 2**63, "64 signed bits")
    else:
        require(value is None or type(value) in (bool, float, str, bytes), "kind of value")


def _name(name: Any) -> str:
    require(type(name) is str and 1 <= len(name.encode()) <= 255, "name")
    require(not any(ord(c) < 32 or ord(c) == 127 for c in name), "control characters")
    return str(name)


def _size(value: Any, most: int = 2**48) -> int:
    require(type(value) is int and 0 <= value <= most, "size")
    return int(value)


def _check_info(info: Any) -> None:
    name, dtype, shape = info
    _name(name)
    require(type(dtype) is int and dtype in DTYPES and type(shape) is list, "input or output")
    for size in shape:
        require((type(size) is int and 1 <= size < 2**63) or bool(_name(size)), "dimension")


def _check_attribute(value: Any) -> None:
    if isinstance(value, list):
        require(len({type(item) for item in value}) <= 1, "numbers of one kind")
        for item in value:
            require(type(item) in (int, float), "array of numbers")
            _check_attribute(item)
    elif type(value) is float:
        if math.isfinite(value):
            require(struct.unpack("<f", struct.pack("<f", value))[0] == value, "float32")
    elif type(value) is int:
        require(-(2**63) <= value < 2**63, "64 signed bits")
    else:
        require(type(value) is str, "attribute")


def _nodes(graph: dict[str, Any]) -> list[Any]:
    require(type(graph) is dict, "graph is a map")
    _check_plain(graph, 0)
    for info in [*graph["inputs"], *graph["outputs"]]:
        _check_info(info)
    names = [info[0] for info in graph["inputs"]] + [_name(t[0]) for t in graph["tensors"]]
    nodes = []
    for operator, inputs, outputs, attributes in graph["nodes"]:
        _name(operator)
        read = []
        for number in inputs:
            require(type(number) is int and -1 <= number < len(names), "number of a value")
            require(number == -1 or names[number] != "", "a value without a name is not read")
            read.append("" if number == -1 else names[number])
        for name in outputs:
            names.append(name and _name(name))
        for key, value in attributes.items():
            _name(key)
            _check_attribute(value)
        nodes.append([operator, read, outputs, attributes])
    known = [name for name in names if name]
    require(len(set(known)) == len(known), "distinct names")
    require(all(info[0] in known for info in graph["outputs"]), "outputs are computed")
    return nodes


def _tensors(
    entries: list[Any], sections: list[tuple[int, bytes]], decode: bool, limit: int
) -> dict[str, PlainTensor]:
    used = [0] * len(sections)
    tensors, decoded = {}, 0
    for name, dtype, shape, format, section, blocks in entries:
        require(type(dtype) is int and dtype in DTYPES, "dtype")
        require(type(format) is int and format in FORMATS and len(shape) <= 32, "format")
        elements = math.prod(_size(size) for size in shape)
        require(elements <= 2**48 and sections[_size(section)][0] == 2, "section of tensors")
        require(len(blocks) == len(BLOCKS[format]), "blocks of the format")
        parts = {}
        for role, block in zip(BLOCKS[format], blocks, strict=True):
            coder, symbols, size, width = (_size(number) for number in block)
            start = used[section]
            used[section] += size
            require(used[section] <= len(sections[section][1]), "block inside its section")
            parts[role] = (coder, symbols, sections[section][1][start : used[section]], width)
        _check_blocks(parts, dtype, elements, format)
        itemsize = struct.calcsize("<" + STRUCT_CODES[dtype])
        decoded += elements * itemsize + sum(p[1] for p in parts.values() if p[0] != RAW)
        require(decoded <= limit, "decoded bytes")
        values = _elements(parts, dtype, shape, elements) if decode else []
        tensors[name] = PlainTensor(DTYPES[dtype], tuple(shape), FORMATS[format], values)
    for (kind, body), size in zip(sections, used, strict=True):
        require(kind != 2 or size == len(body), "every byte belongs to a tensor")
    return tensors


def _check_blocks(parts: dict[str, Any], dtype: int, elements: int, format: int) -> None:
    kept = next(reversed(parts.values()))[1]
    require(kept == elements if format < 2 else kept <= elements, "number of symbols")
    itemsize = struct.calcsize("<" + STRUCT_CODES[dtype])
    for role, (coder, symbols, data, width) in parts.items():
        if role in ("values", "book"):
            require(coder == RAW and len(data) == symbols * itemsize, "plain values")
            require(width == 8 * itemsize, "width of plain values")
            require(role == "values" or 1 <= symbols <= 256, "entries of a codebook")
            continue
        require(PACKED <= coder <= CONTEXT and 1 <= width <= 8, "coder and width")
        require((symbols > 0 or len(data) == 0) and symbols <= elements, "symbols")
        if role == "codes":
            require(width == max(1, (parts["book"][1] - 1).bit_length()), "width of codes")
        elif coder == CONTEXT:
            require(width == 1 and symbols == elements, "mask")
        else:
            require(symbols >= kept and (kept > 0 or symbols == 0), "gaps")


def _plain_values(part: tuple[int, int, bytes, int], dtype: int) -> list[Any]:
    return list(struct.unpack(f"<{part[1]}{STRUCT_CODES[dtype]}", part[2]))


def _elements(parts: dict[str, Any], dtype: int, shape: list[int], elements: int) -> list[Any]:
    columns = min(elements // shape[0], 65536) if shape and elements else 1
    positions = _positions(parts["at"], columns, elements) if "at" in parts else None
    if "values" in parts:
        values = _plain_values(parts["values"], dtype)
    else:
        book = _plain_values(parts["book"], dtype)
        values = [book[code] for code in _codes(parts["codes"], columns, positions)]
    if positions is None:
        return values
    zero = struct.unpack("<" + STRUCT_CODES[dtype], bytes(struct.calcsize(STRUCT_CODES[dtype])))
    dense = [zero[0]] * elements
    require(len(positions) == len(values), "one position for each kept element")
    for position, value in zip(positions, values, strict=True):
        dense[position] = value
    return dense


def _codes(
    part: tuple[int, int, bytes, int], columns: int, positions: list[int] | None
) -> list[int]:
    coder, symbols, data, width = part
    if coder != CONTEXT:
        return plain_coders.decode(coder, symbols, data, width)
    require(positions is None or len(positions) == symbols, "one position for each code")
    return decode_context_codes(
        data, width, columns, list(range(symbols)) if positions is None else positions
    )


def _positions(part: tuple[int, int, bytes, int], columns: int, elements: int) -> list[int]:
    coder, symbols, data, width = part
    if coder == CONTEXT:
        mask = decode_context_mask(data, symbols, columns)
        return [i for i, kept in enumerate(mask) if kept]
    escape = (1 << width) - 1
    positions, cursor, symbol = [], 0, None
    for symbol in plain_coders.decode(coder, symbols, data, width):
        require(symbol <= escape, "width of gaps")
        cursor += symbol
        require(cursor < elements, "positions inside the tensor")
        if symbol != escape:
            positions.append(cursor)
            cursor += 1
    require(symbol != escape, "the last symbol keeps an element")
    return positions
