"""The numbers of docs/format.md that the writer needs. The reader is native and has its own."""

import struct

MAGIC = b"\x89FWT\r\n\x1a\n"
VERSION = (1, 0)
ALIGNMENT = 64

HEADER = struct.Struct("<8sHHIQII28x")
"""magic, major, minor, operator set, file length, sections, CRC-32 of the table; then its own."""
HEADER_BYTES = HEADER.size + 4

ENTRY = struct.Struct("<IIQQI4x")
"""kind, flags, offset, length, CRC-32."""
REQUIRED = 1

GRAPH, TENSORS, METADATA = 1, 2, 3
SECTION_NAMES = {GRAPH: "graph", TENSORS: "tensors", METADATA: "metadata"}

DTYPES = ("float32", "float16", "int64", "int32", "uint8", "int8", "bool")
FORMATS = ("raw", "shared", "sparse", "sparse_shared")
CODERS = ("raw", "packed", "huffman", "rans", "context")
ROLES = {
    "raw": ("values",),
    "shared": ("codebook", "codes"),
    "sparse": ("positions", "values"),
    "sparse_shared": ("positions", "codebook", "codes"),
}
"""The blocks of each format, in the order of the file."""

MAX_COLUMNS = 65_536
"""A row is all that shares the first index; the context coder and sparse rows take no more."""

MISSING = -1
"""The number of an optional input that is not given."""


def aligned(offset: int) -> int:
    """The next multiple of 64."""
    return -(-offset // ALIGNMENT) * ALIGNMENT
