// Canonical Huffman over byte symbols, codes of at most 12 bits, decoded through tables.
// D. A. Huffman, "A Method for the Construction of Minimum-Redundancy Codes", Proc. IRE 40, 1952;
// the limit on lengths is kept by package-merge (L. L. Larmore, D. S. Hirschberg, "A Fast Algorithm
// for Optimal Length-Limited Huffman Codes", Journal of the ACM 37(3), 1990).
//
// Layout. No symbols: no bytes. Otherwise the first byte is the number of streams, 0, 1 or 4:
//
//   0       all symbols are equal: one byte, the symbol
//   1       (less than 1,024 symbols) table, stream
//   4       (from 1,024 symbols on) table, then the lengths in bytes of the first three streams as
//           varints, then the four streams
//
// The table (frequency_table.h, b = 12, powers of two) holds 2^(12 - length) for each symbol and is
// filled up to a whole byte. Codes are canonical: shorter codes first, equal lengths by symbol; a
// code is written from its highest bit on, into streams whose bits count from the least
// significant. Of four streams, the first three hold ceil(count / 4) symbols each, in order, the
// fourth the rest. Each stream is filled up to a whole byte with zero bits.
#pragma once

#include <array>

#include "coders/frequency_table.h"

namespace featherweight {

constexpr int kMaxCodeLength = 12;
static_assert(kMaxCodeLength <= kMaxTableBits, "lengths are stored as frequencies");

using CodeLengths = std::array<std::uint8_t, 256>;  // 0: the symbol is absent

// The lengths of at most kMaxCodeLength that code `counts` (two symbols or more) in fewest bits.
CodeLengths limited_code_lengths(const Counts& counts);

}  // namespace featherweight
