"""The context coder in slow, simple Python, from the headers in native/src/coders."""

from collections import Counter, defaultdict

from plain_coders import require

MAX_LOGIT = 4095


def _powers() -> list[int]:
    powers = [1 << 31]
    for _ in range(256):
        powers.append(powers[-1] * 2153306067 >> 31)
    return [*powers[:256], 1 << 32]


POWERS = _powers()
"""2^(i / 256) in units of 2^-31."""
LOGARITHMS = [
    max(power for power in range(256) if POWERS[power] <= (1024 + i) << 21) for i in range(1024)
]


def log2_fixed(value: int) -> int:
    """256 log2(value), from its eleven highest bits."""
    width = value.bit_length() - 1
    mantissa = value >> (width - 10) if width >= 10 else value << (10 - width)
    return width * 256 + LOGARITHMS[mantissa & 1023]


def clamp(value: int, most: int) -> int:
    """`value`, moved into [-most, most]."""
    return max(-most, min(most, value))


def toward_zero(value: int, divisor: int) -> int:
    """The quotient as C++ rounds it."""
    return value // divisor if value >= 0 else -(-value // divisor)


def probability(logit: int) -> int:
    """The probability of a 1, in units of 2^-16."""
    steps = abs(logit)
    odds = (POWERS[steps % 256] << steps // 256) >> 15
    p = (odds << 16) // (odds + 65536)
    return p if logit >= 0 else 65536 - p


def logit_of(counts: list[int], prior: int, strength: int) -> int:
    """The logit of a 1 after `counts` zeros and ones, and `strength` imagined bits."""
    ones = (counts[1] << 16) + strength * prior
    zeros = (counts[0] << 16) + strength * (65536 - prior)
    return clamp(log2_fixed(ones) - log2_fixed(zeros), MAX_LOGIT)


class RangeDecoder:
    """Bits out of one number; behind the last byte come zeros."""

    def __init__(self, data: bytes) -> None:
        require(not data or data[-1] != 0, "no zero byte at the end")
        self.data, self.read, self.range, self.code = data, 4, 0xFFFFFFFF, 0
        self.code = int.from_bytes((data + bytes(4))[:4], "big")

    def bit(self, p: int) -> int:
        """The next bit, whose probability of being 1 is p / 65536."""
        bound = self.range * p >> 16
        bit = int(self.code < bound)
        self.code -= 0 if bit else bound
        self.range = bound if bit else self.range - bound
        while self.range < 1 << 24:
            byte = self.data[self.read] if self.read < len(self.data) else 0
            self.code, self.range, self.read = self.code << 8 | byte, self.range << 8, self.read + 1
        return bit

    def finish(self) -> None:
        """Nothing may follow what was read."""
        require(self.read >= len(self.data), "bytes behind the last symbol")


class Mixer:
    """A sum of logits whose weights learn."""

    def __init__(self, decoder: RangeDecoder, weights: list[int]) -> None:
        self.decoder, self.weights, self.coded = decoder, weights, 0

    def bit(self, first: int, others: list[int]) -> int:
        """Decode a bit and learn from it; each of `others` counts beyond `first`."""
        inputs = [first, *others]
        sum_ = sum(w * x for w, x in zip(self.weights, inputs, strict=True))
        p = probability(clamp(toward_zero(sum_, 65536), MAX_LOGIT))
        bit = self.decoder.bit(p)
        rate = max(60, 1200 * 2000 // (2000 + self.coded))
        error = (65536 if bit else 0) - p
        self.weights = [
            clamp(w + toward_zero(error * rate * x, 1 << 24), 16 << 16)
            for w, x in zip(self.weights, inputs, strict=True)
        ]
        self.coded = min(self.coded + 1, 1 << 20)
        return bit


def decode_context_codes(data: bytes, width: int, columns: int, positions: list[int]) -> list[int]:
    """Symbols of `width` bits at `positions`, from the highest bit on, from their neighbours."""
    count = len(positions)
    if count == 0:
        require(not data, "no symbols take no bytes")
        return []
    period, data = _period(data, columns)
    mixer = Mixer(RangeDecoder(data), [65536, 6554, 6554, 6554])
    counts: dict[object, list[int]] = defaultdict(lambda: [0, 0])
    in_column = Counter(position % columns for position in positions)
    rows = positions[-1] // columns + 1
    places, levels = set(positions), {}
    symbols = []
    for position in positions:
        contexts = _code_contexts(position, columns, period, places, levels)
        contexts[3] += (min(7, in_column[position % columns] * 32 // rows),)
        node = 1
        for _ in range(width):
            seen = [counts[*context, node] for context in contexts]
            first = logit_of(seen[0], 32768, 1)
            prior = probability(first)
            bit = mixer.bit(first, [logit_of(c, prior, 2) - first for c in seen[1:]])
            for each in seen:
                each[bit] += 1
            node = 2 * node + bit
        symbols.append(node - (1 << width))
        levels[position] = symbols[-1] >> max(width - 4, 0)
    mixer.decoder.finish()
    return symbols


def _code_contexts(
    position: int, columns: int, w: int, places: set[int], levels: dict[int, int]
) -> list[tuple[object, ...]]:
    column = position % columns

    def level(step: int) -> int | None:
        return levels.get(position - step) if 0 < step <= column else None

    pair = (level(1), level(w))
    sum_, weight = 0, 0
    for step, each in [(1, 2), (2, 1)] + (
        [(w, 2), (w + 1, 1), (w - 1, 1), (2 * w, 1)] if w else []
    ):
        there = level(step)
        if there is not None:
            sum_, weight = sum_ + each * there, weight + each
    average = (2 * sum_ // weight, weight > 2) if weight else None
    steps = [1, 2, *([w - 1, w, w + 1] if w else [])]
    around = sum(
        position + step in places
        for distance in steps
        for step in (-distance, distance)
        if 0 <= column + step < columns
    )
    return [("alone",), ("pair", *pair), ("average", average), ("place", around)]


def _period(data: bytes, columns: int) -> tuple[int, bytes]:
    period, read = 0, 0
    while True:
        period |= (data[read] & 0x7F) << 7 * read
        read += 1
        if data[read - 1] < 0x80:
            break
    require(period == 0 or period < columns, "period below the columns")
    return period, data[read:]


def decode_context_mask(data: bytes, count: int, columns: int) -> list[int]:
    """A mask in rows of `columns`: each bit from its column, its row and its neighbours."""
    require(count > 0 or not data, "no symbols take no bytes")
    if count == 0:
        return []
    columns = min(columns, count)
    period, data = _period(data, columns)
    decoder = RangeDecoder(data)
    mixer = Mixer(decoder, [65536, 39322, 39322, 19661, 19661, 19661, 19661])
    counts: dict[object, list[int]] = defaultdict(lambda: [0, 0])
    mask: list[int] = []
    for i in range(count):
        mask.append(_mask_bit(mixer, counts, mask, *divmod(i, columns), columns, period))
    decoder.finish()
    return mask


def _mask_bit(
    mixer: Mixer, counts: dict[object, list[int]], mask: list[int], row: int, c: int,
    columns: int, w: int,
) -> int:  # fmt: skip
    def at(r: int, column: int) -> int:
        return mask[r * columns + column] if r >= 0 and 0 <= column < columns else 0

    def both(left: int, right: int) -> list[int]:
        return [a + b for a, b in zip(counts["column", left], counts["column", right], strict=True)]

    def past(*steps: int) -> tuple[int, ...]:
        return tuple(at(row, c - step) if step > 0 else 0 for step in steps)

    near = counts["near", past(1, 2), at(row - 1, c)]
    far = counts["far", past(1, 2, w - 1, w, w + 1, 2 * w) if w else ()]
    first = logit_of(counts["all"], 32768, 1)
    prior = probability(first)
    contexts = [
        counts["column", c],
        counts["row", row],
        both(c - 1, c + 1),
        both(c - w, c + w),
        near,
        far,
    ]
    inputs = [logit_of(seen, prior, 2) - first for seen in contexts]
    if not w:
        inputs[3] = inputs[5] = 0
    bit = mixer.bit(first, inputs)
    for seen in (counts["all"], counts["column", c], counts["row", row], near, far):
        seen[bit] += 1
    return bit
