"""The plain reader decodes the native coders' larger tables, which small files do not reach."""

import numpy as np
import pytest

from featherweight import _native
from plain_coders import decode_rans


@pytest.mark.parametrize("rare", [3, 60], ids=["14-bit table", "12-bit table"])
def test_rans_tables_of_long_blocks(rare: int) -> None:
    generator = np.random.default_rng(5)
    symbols = generator.integers(0, 6, 70_000).astype(np.uint8)
    symbols[generator.choice(symbols.size, rare, replace=False)] = 9
    block = _native.rans_encode(symbols)
    assert block[0] == (14 if rare == 3 else 12)
    assert decode_rans(block, symbols.size) == symbols.tolist()
