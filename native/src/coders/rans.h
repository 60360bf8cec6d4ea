// Static range asymmetric numeral system over byte symbols.
// J. Duda, "Asymmetric numeral systems", arXiv 1311.2540; F. Giesen, "Interleaved entropy coders",
// arXiv 1402.3392.
//
// Layout. No symbols: no bytes. Otherwise the first byte is b, 0, 4 to 12, or 14:
//
//   0            all symbols are equal: one byte, the symbol
//   4 to 12, 14  table, states, words
//
// The table (frequency_table.h) holds frequencies that sum to 2^b, filled up to a whole byte. Then
// come the first states, 32 bits each: one state for less than 4,096 symbols, else eight; and the
// words, 16 bits each, in the order in which the decoder takes them.
//
// Symbol i is decoded from state x = states[i mod number of states], with the table scaled to a sum
// of M = 2^12 (if b = 14, of 2^14): the symbol s is the one with start(s) <= x mod M < start(s) +
// frequency(s), where start(s) sums the frequencies before s. Then
//
//   x = frequency(s) * floor(x / M) + x mod M - start(s),   if x < 2^16: x = 2^16 x + next word
//
// A state is never below 2^16, and after the last symbol each is exactly 2^16 and no word is left.
// Below 65,536 symbols, b is the one from 4 to 12 with fewest bytes (of equals the lowest); from
// there on 12, or 14 if some symbol is rarer than one in 4,096.
#pragma once

#include "coders/frequency_table.h"

namespace featherweight {

// Frequencies that sum to 2^total_bits and fit `counts` (two symbols or more, and at most
// 2^total_bits): at least 1 for each symbol that occurs, the others by the gain in coded size.
// Integer arithmetic only.
Frequencies quantise_counts(const Counts& counts, int total_bits);

}  // namespace featherweight
