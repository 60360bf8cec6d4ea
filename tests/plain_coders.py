"""The order-0 coders of a .fwt file in slow, simple Python, from the layouts at the head of
native/src/coders/*.h. Decoders only; no code is shared with the native ones.
"""

import struct


class Malformed(ValueError):
    """A file that breaks the format."""


def require(condition: bool, rule: str) -> None:
    """Raise Malformed unless `condition` holds."""
    if not condition:
        raise Malformed(rule)


class Bits:
    """Bits of bytes, least significant bit of the first byte first."""

    def __init__(self, data: bytes) -> None:
        self.number, self.left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        """The next `count` bits, the first one lowest."""
        require(count <= self.left, "a block ends too early")
        value = self.number & ((1 << count) - 1)
        self.number >>= count
        self.left -= count
        return value

    def finish_byte(self) -> int:
        """Drop the zero bits that fill up the byte; the number of bytes that are left."""
        require(self.take(self.left % 8) == 0, "stray bits")
        return self.left // 8


def decode(coder: int, count: int, data: bytes, width: int) -> list[int]:
    """Decode `count` symbols of `width` bits; `coder` is the number of docs/format.md."""
    if count == 0:
        require(data == b"", "no symbols take no bytes")
        return []
    if coder == 1:
        return decode_packed(data, count, width)
    if coder == 2:
        return decode_huffman(data, count)
    require(coder == 3, "coder")
    return decode_rans(data, count)


def decode_packed(data: bytes, count: int, width: int) -> list[int]:
    """Symbols of `width` bits, least significant bit first."""
    require(len(data) == -(-count * width // 8), "length of a packed block")
    bits = Bits(data)
    symbols = [bits.take(width) for _ in range(count)]
    bits.finish_byte()
    return symbols


def read_table(data: bytes, total_bits: int, powers: bool) -> tuple[dict[int, int], bytes]:
    """Frequencies by symbol, and the bytes behind the table."""
    bits = Bits(data)
    frequencies: dict[int, int] = {}
    symbol, level, left = 0, max(total_bits - 4, 1), 1 << total_bits
    while left > 0:
        if bits.take(1):
            kind = (bits.take(1), bits.take(1))
            if kind[0] == 0:
                level += 1 if kind[1] else -1
            elif kind[1] == 0:
                low_bits = 0
                while bits.take(1):
                    low_bits += 1
                symbol += (1 << low_bits) | bits.take(low_bits)
                continue
            else:
                level = bits.take(4)
        require(symbol <= 255 and 1 <= level <= total_bits, "symbol or level out of range")
        frequency = (1 << (level - 1)) | (0 if powers else bits.take(level - 1))
        require(frequency <= left, "frequencies sum to more than one")
        frequencies[symbol] = frequency
        left -= frequency
        symbol += 1
    return frequencies, data[len(data) - bits.finish_byte() :]


def decode_huffman(data: bytes, count: int) -> list[int]:
    """Canonical Huffman codes in one stream or four."""
    streams, data = data[0], data[1:]
    if streams == 0:
        require(len(data) == 1, "one byte, the symbol")
        return [data[0]] * count
    require(streams == (1 if count < 1024 else 4), "number of streams")
    frequencies, data = read_table(data, 12, powers=True)
    codes: dict[tuple[int, int], int] = {}
    code, before = 0, 0
    for length, symbol in sorted((13 - f.bit_length(), s) for s, f in frequencies.items()):
        code <<= length - before
        codes[length, code] = symbol
        code, before = code + 1, length
    if streams == 1:
        return _huffman_stream(data, count, codes)
    lengths = []
    for _ in range(3):
        length, data = _varint(data)
        lengths.append(length)
    share = -(-count // 4)
    symbols: list[int] = []
    for length in lengths:
        require(length <= len(data), "stream inside the block")
        symbols += _huffman_stream(data[:length], share, codes)
        data = data[length:]
    return symbols + _huffman_stream(data, count - 3 * share, codes)


def _varint(data: bytes) -> tuple[int, bytes]:
    value, shift = 0, 0
    for i, byte in enumerate(data):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, data[i + 1 :]
    raise Malformed("a varint ends too early")


def _huffman_stream(data: bytes, count: int, codes: dict[tuple[int, int], int]) -> list[int]:
    bits, symbols = Bits(data), []
    for _ in range(count):
        code, length = bits.take(1), 1
        while (length, code) not in codes:
            code, length = code << 1 | bits.take(1), length + 1
        symbols.append(codes[length, code])
    require(bits.finish_byte() == 0, "bytes behind the last code")
    return symbols


def decode_rans(data: bytes, count: int) -> list[int]:
    """Range asymmetric numeral system with one state or eight."""
    total_bits, data = data[0], data[1:]
    if total_bits == 0:
        require(len(data) == 1, "one byte, the symbol")
        return [data[0]] * count
    require(4 <= total_bits <= 12 or total_bits == 14, "bits of the table")
    scale = max(total_bits, 12)
    frequencies, data = read_table(data, total_bits, powers=False)
    slots: list[tuple[int, int, int]] = []
    for symbol, frequency in frequencies.items():
        scaled = frequency << (scale - total_bits)
        slots += [(symbol, scaled, len(slots))] * scaled
    lanes = 1 if count < 4096 else 8
    states = list(struct.unpack(f"<{lanes}I", data[: 4 * lanes]))
    words = [word for (word,) in struct.iter_unpack("<H", data[4 * lanes :])]
    require(all(state >= 1 << 16 for state in states), "states")
    symbols, read = [], 0
    for i in range(count):
        state = states[i % lanes]
        symbol, scaled, start = slots[state % (1 << scale)]
        state = scaled * (state >> scale) + state % (1 << scale) - start
        if state < 1 << 16:
            state = state << 16 | words[read]
            read += 1
        states[i % lanes] = state
        symbols.append(symbol)
    require(states == [1 << 16] * lanes and read == len(words), "the end of the block")
    return symbols
