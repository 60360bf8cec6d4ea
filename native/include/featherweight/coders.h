// Entropy coders over byte symbols. The byte layout of each stands at the head of src/coders/*.h.
//
// Every block is self-contained and canonical: the bytes depend on the symbols alone.
// Encoding no symbols gives no bytes. A decoder writes exactly `count` symbols to `out` or throws
// MalformedData; it never reads or writes out of bounds, and allocates nothing that grows with the
// content of `data`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace featherweight {

using Bytes = std::vector<std::uint8_t>;

// Symbols of `num_bits` (1 to 8), least significant bit first.
// Throws std::invalid_argument if a symbol does not fit.
Bytes packed_encode(const std::uint8_t* symbols, std::size_t count, int num_bits);
void packed_decode(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                   std::size_t count, int num_bits);

// Canonical Huffman, four interleaved streams.
Bytes huffman_encode(const std::uint8_t* symbols, std::size_t count);
void huffman_decode(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                    std::size_t count);

// Static range asymmetric numeral system, eight interleaved states.
Bytes rans_encode(const std::uint8_t* symbols, std::size_t count);
void rans_decode(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                 std::size_t count);

// Adaptive binary range coder with mixed contexts, for symbols of `num_bits` that lie in a matrix
// with rows of `columns`: symbol i at positions[i], ascending from 0 on, or without positions at i.
// Neighbours foretell each other. columns = 0 (only without positions): all in one row.
// Memory grows with `columns`, too. Throws std::invalid_argument if the positions do not ascend.
Bytes context_encode_codes(const std::uint8_t* symbols, std::size_t count, int num_bits,
                           std::size_t columns = 0, const std::int64_t* positions = nullptr);
void context_decode_codes(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                          std::size_t count, int num_bits, std::size_t columns = 0,
                          const std::int64_t* positions = nullptr);

// The same coder for a mask (zero or not) of rows of `columns` elements, row-major;
// the last row may be short. Decoded elements are 0 or 1.
Bytes context_encode_mask(const std::uint8_t* mask, std::size_t count, std::size_t columns);
void context_decode_mask(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                         std::size_t count, std::size_t columns);

}  // namespace featherweight
