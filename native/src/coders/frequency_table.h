// The table at the head of a Huffman or rANS block: a frequency for each byte symbol, together 2^b.
//
// Layout, in bits (bit_stream.h). The level of a symbol is the width of its frequency in bits, 1 to
// b; an absent symbol has none. From symbol 0 on, until the frequencies sum to 2^b (so the last
// symbols' absence is not written), one of
//
//   0              a symbol at the level of the present symbol before (at first: b - 4, at least 1)
//   1 0 0, 1 0 1   a symbol one level lower, one level higher
//   1 1 0, run     `run` >= 1 absent symbols: width(run) - 1 ones, a zero, then the bits of `run`
//                  under its highest
//   1 1 1, level   a symbol at this level (4 bits)
//
// and behind a symbol, unless every frequency is a power of two, the bits of its frequency under
// the highest. The code is short where neighbouring symbols are about as frequent, as k-means
// codes and gaps are: 32 codes take some 8 bytes in a Huffman block.
#pragma once

#include <array>
#include <cstdint>

#include "coders/bit_stream.h"

namespace featherweight {

constexpr int kMaxTableBits = 14;

using Counts = std::array<std::uint64_t, 256>;
using Frequencies = std::array<std::uint16_t, 256>;  // sum to 2^b, each below 2^b

// How often each byte value occurs.
Counts count_symbols(const std::uint8_t* symbols, std::size_t count);

inline int bit_width(std::uint32_t value) {
  int width = 0;
  for (; value != 0; value >>= 1) ++width;
  return width;
}

void write_frequencies(BitWriter& writer, const Frequencies& frequencies, int total_bits,
                       bool powers_of_two);

// Throws MalformedData unless the frequencies sum to exactly 2^total_bits.
Frequencies read_frequencies(BitReader& reader, int total_bits, bool powers_of_two);

}  // namespace featherweight
