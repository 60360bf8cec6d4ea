// Counting differences by table, 32 rows to a vector, without a popcount instruction.
//
// For one nibble of depth and two columns with nibbles a0 and a1, a table of 16 bytes holds for every
// weight nibble v popcount(v ^ a0) in its low half and popcount(v ^ a1) in its high half, so that one
// shuffle serves 32 rows x 4 bits x 2 columns. Three look-ups s are added in bytes (each half is at
// most 12: no carry), then L += s and H += s >> 4, the shift one of 16 bits, without masks. What the
// shift moves across bytes is known once H's upper byte is: see `split`. Counts are exact modulo 256,
// so after 60 nibbles (at most 240) they are added to 16-bit ones.
#include "kernels/binary/binary.h"
#include "kernels/binary/pack_avx2.h"
#include "kernels/binary/tables.h"
#include "kernels/columns.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {
namespace {

constexpr int kRowTile = 32, kGroups = 4, kRows = kRowTile * kGroups;
constexpr int kTile = 64, kPairs = kTile / 2;
constexpr int kBlock = 60;            // nibbles, the most that bytes can count
constexpr int kStep = 3, kBoth = 6;   // looked up at once; that and the 2 in a byte divide it

constexpr int filled_nibbles(int words) { return (words * 8 + kBoth - 1) / kBoth * kBoth; }

// What a call needs, one after the other in its scratch.
struct Scratch {
  std::uint32_t* tile;   // [words][kTile]
  std::uint16_t* index;  // [kPairs][filled nibbles]
  std::uint8_t* block;   // [kBlock][groups][32 rows], one nibble a byte
  std::uint16_t* count;  // [kTile][kGroups][even rows, odd rows][16]

  static std::size_t bytes(int words) {
    return static_cast<std::size_t>(words) * kTile * 4 + kPairs * filled_nibbles(words) * 2 + kBlock * kRows +
           kTile * kRows * 2;
  }
  Scratch(void* memory, int words) {
    auto* const from = static_cast<unsigned char*>(memory);
    tile = reinterpret_cast<std::uint32_t*>(from);
    block = from + static_cast<std::ptrdiff_t>(words) * kTile * 4;
    count = reinterpret_cast<std::uint16_t*>(block + kBlock * kRows);
    index = count + kTile * kRows;
  }
};

std::size_t scratch_bytes(int words) { return Scratch::bytes(words); }

__m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
void store(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }

// index[pair][nibble]: a0 | a1 << 4 of the gathered tile, as the offset of its table; zeros beyond the depth.
void make_index(const std::uint32_t* tile, int words, std::uint16_t* index) {
  const int nibbles = filled_nibbles(words);
  const __m256i low = _mm256_set1_epi8(0x0f);
  // Within 16 bytes: those of two pairs' even nibbles and, 4 further, of their odd ones, interleaved.
  const __m256i interleave = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15));
  for (int d = 0; d < words; ++d) {
    for (int v = 0; v < kTile / 8; ++v) {
      const __m256i first = load(tile + d * kTile + v * 8), second = _mm256_srli_epi64(first, 32);
      const __m256i even = _mm256_or_si256(_mm256_and_si256(first, low),
                                           _mm256_slli_epi32(_mm256_and_si256(second, low), 4));
      const __m256i odd = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32(first, 4), low),
                                          _mm256_andnot_si256(low, second));
      const __m256i both = _mm256_shuffle_epi8(
          _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa), interleave);
      std::uint16_t* const to = index + static_cast<std::ptrdiff_t>(v * 4) * nibbles + d * 8;
      const __m128i halves[2] = {_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1)};
      for (int half = 0; half < 2; ++half) {
        const __m256i offsets = _mm256_slli_epi16(_mm256_cvtepu8_epi16(halves[half]), 4);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 2 * half * nibbles), _mm256_castsi256_si128(offsets));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + (2 * half + 1) * nibbles),
                         _mm256_extracti128_si256(offsets, 1));
      }
    }
  }
  for (int pair = 0; pair < kPairs; ++pair) {
    for (int i = words * 8; i < nibbles; ++i) index[pair * nibbles + i] = 0;
  }
}

// Nibbles `begin` ... `end - 1` of `groups` panels, one a byte; zeros beyond the depth.
void unpack_block(const std::uint8_t* panels, int words, int groups, int begin, int end,
                  std::uint8_t* block) {
  const __m256i low = _mm256_set1_epi8(0x0f), zero = _mm256_setzero_si256();
  const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(words) * 4 * kRowTile;
  for (int g = 0; g < groups; ++g) {
    const std::uint8_t* from = panels + g * panel + static_cast<std::ptrdiff_t>(begin / 2) * kRowTile;
    std::uint8_t* to = block + g * kRowTile;
    for (int i = begin; i < end; i += 2, from += kRowTile, to += 2 * groups * kRowTile) {
      const __m256i w = i < words * 8 ? load(from) : zero;
      store(to, _mm256_and_si256(w, low));
      store(to + groups * kRowTile, _mm256_and_si256(_mm256_srli_epi16(w, 4), low));
    }
  }
}

template <bool kFirst>
void add_to(std::uint16_t* count, __m256i more) {
  store(count, kFirst ? more : _mm256_add_epi16(load(count), more));
}

// Adds the counts of 32 rows to those of the pair's columns, or begins them. In 16-bit lanes with bytes (even row, odd
// row), L holds lo + 16 hi in both bytes; H holds hi in the upper byte and, since the shift brought the
// upper byte's low half along, hi + 16 * (the upper byte's lo) in the lower one: all modulo 256.
template <bool kFirst>
void split(__m256i L, __m256i H, std::uint16_t* first, std::uint16_t* second) {
  const __m256i byte = _mm256_set1_epi16(0xff);
  const auto less_16_times = [&](__m256i a, __m256i b) {
    return _mm256_and_si256(_mm256_sub_epi16(a, _mm256_slli_epi16(b, 4)), byte);
  };
  const __m256i odd_hi = _mm256_srli_epi16(H, 8);
  const __m256i odd_lo = less_16_times(_mm256_srli_epi16(L, 8), odd_hi);
  const __m256i even_hi = less_16_times(H, odd_lo);
  const __m256i even_lo = less_16_times(L, even_hi);
  add_to<kFirst>(first, even_lo);
  add_to<kFirst>(first + 16, odd_lo);
  add_to<kFirst>(second, even_hi);
  add_to<kFirst>(second + 16, odd_hi);
}

// One pair of columns, one block of depth. Not inlined: alone, its sums fit the 16 registers.
template <int kUsed, bool kFirst>
[[gnu::noinline]] void count_block(const std::uint8_t* block, const std::uint16_t* index, int nibbles,
                                   std::uint16_t* count) {
  __m256i L[kUsed], H[kUsed];
#pragma GCC unroll 4
  for (int g = 0; g < kUsed; ++g) L[g] = H[g] = _mm256_setzero_si256();
  const std::uint8_t* const tables = kPairTables.bytes[0];
  const std::uint16_t* const end = index + nibbles;
  for (; index != end; index += kStep, block += kStep * kUsed * kRowTile) {
    __m256i table[kStep];
#pragma GCC unroll 3
    for (int k = 0; k < kStep; ++k) {
      table[k] = _mm256_broadcastsi128_si256(
          _mm_load_si128(reinterpret_cast<const __m128i*>(tables + index[k])));
    }
#pragma GCC unroll 4
    for (int g = 0; g < kUsed; ++g) {
      const std::uint8_t* const w = block + g * kRowTile;
      const __m256i s = _mm256_add_epi8(
          _mm256_add_epi8(_mm256_shuffle_epi8(table[0], load(w)),
                          _mm256_shuffle_epi8(table[1], load(w + kUsed * kRowTile))),
          _mm256_shuffle_epi8(table[2], load(w + 2 * kUsed * kRowTile)));
      L[g] = _mm256_add_epi8(L[g], s);
      H[g] = _mm256_add_epi8(H[g], _mm256_srli_epi16(s, 4));
      // One group after the other: side by side they would not fit the registers.
      asm("" : "+x"(H[g]));
      asm("" : "+x"(L[g]));
    }
  }
#pragma GCC unroll 4
  for (int g = 0; g < kUsed; ++g) {
    split<kFirst>(L[g], H[g], count + g * kRowTile, count + kRows + g * kRowTile);
  }
}

// Differences of 16 rows and eight columns: of row i at out + i * step.
void transpose(const std::uint16_t* count, int bits, float* out, int step) {
  __m256i a[8], b[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) a[i] = load(count + i * kRows);
  const auto interleave = [](const __m256i(&from)[8], __m256i(&to)[8]) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      to[2 * i] = _mm256_unpacklo_epi16(from[i], from[i + 4]);
      to[2 * i + 1] = _mm256_unpackhi_epi16(from[i], from[i + 4]);
    }
  };
  interleave(a, b);
  interleave(b, a);
  interleave(a, b);
  const __m256 all = _mm256_set1_ps(static_cast<float>(bits)), two = _mm256_set1_ps(2.0f);
  const auto store_row = [&](__m128i differing, float* to) {
    const __m256 count = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(differing));
    _mm256_storeu_ps(to, _mm256_fnmadd_ps(count, two, all));
  };
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    store_row(_mm256_castsi256_si128(b[i]), out + i * step);
    store_row(_mm256_extracti128_si256(b[i], 1), out + (i + 8) * step);
  }
}

void store_group(const std::uint16_t* count, int bits, int row, int end, int first, int columns,
                 const Product& p) {
  float sums[kRowTile * kTile];
  for (int odd = 0; odd < 2; ++odd) {
    for (int i = 0; i < columns; i += 8) {
      transpose(count + i * kRows + odd * 16, bits, sums + odd * kTile + i, 2 * kTile);
    }
  }
  const int left = end - row;
  store_gathered<Avx2>(sums, kTile, first, columns, row, left < kRowTile ? left : kRowTile, p);
}

template <int kUsed>
void multiply_panels(const std::uint8_t* panels, int words, int bits, const Product& p, int row, int end,
                     int first, int columns, const Scratch& s) {
  const int nibbles = filled_nibbles(words);
  for (int begin = 0; begin < nibbles; begin += kBlock) {
    const int end = begin + kBlock < nibbles ? begin + kBlock : nibbles;
    unpack_block(panels, words, kUsed, begin, end, s.block);
    const auto count = begin == 0 ? count_block<kUsed, true> : count_block<kUsed, false>;
    for (int column = 0; column < columns; column += 2) {
      count(s.block, s.index + column / 2 * nibbles + begin, end - begin, s.count + column * kRows);
    }
  }
  for (int g = 0; g < kUsed; ++g) {
    store_group(s.count + g * kRowTile, bits, row + g * kRowTile, end, first, columns, p);
  }
}

void multiply(const void* packed, int words, int bits, const Product& p, Range rows, Range columns,
              void* scratch) {
  const Scratch s(scratch, words);
  const Range stored = stored_columns(p.columns, columns);
  for (int first = stored.begin; first < stored.end; first += kTile) {
    const int left = stored.end - first, count = left < kTile ? left : kTile;
    gather_columns<kTile>(p, first, count, words, s.tile);
    make_index(s.tile, words, s.index);
    for (int row = rows.begin; row < rows.end; row += kRows) {
      const auto* const w = static_cast<const std::uint8_t*>(packed) + static_cast<std::ptrdiff_t>(row) * words * 4;
      const int groups = (rows.end - row + kRowTile - 1) / kRowTile;
      if (groups >= 4) multiply_panels<4>(w, words, bits, p, row, rows.end, first, count, s);
      if (groups == 3) multiply_panels<3>(w, words, bits, p, row, rows.end, first, count, s);
      if (groups == 2) multiply_panels<2>(w, words, bits, p, row, rows.end, first, count, s);
      if (groups == 1) multiply_panels<1>(w, words, bits, p, row, rows.end, first, count, s);
    }
  }
}

// 32 rows against one column: a byte of depth is two nibbles, each with a table of its own.
void vector_sums(const std::uint8_t* w, const std::uint8_t* x, int bytes, int bits, float* out) {
  const __m256i low = _mm256_set1_epi8(0x0f), byte = _mm256_set1_epi16(0xff);
  __m256i even = _mm256_setzero_si256(), odd = even;
  for (int begin = 0; begin < bytes;) {
    const int end = begin + 28 < bytes ? begin + 28 : bytes;  // at most 8 a byte: 224
    __m256i count = _mm256_setzero_si256(), other = count;
#pragma GCC unroll 4
    for (int i = begin; i < end; ++i) {
      const __m256i weights = load(w + static_cast<std::ptrdiff_t>(i) * kRowTile);
      _mm_prefetch(reinterpret_cast<const char*>(w + static_cast<std::ptrdiff_t>(i) * kRowTile + 2048), _MM_HINT_T0);
      const auto table = [](int nibble) {
        return _mm256_broadcastsi128_si256(
            _mm_load_si128(reinterpret_cast<const __m128i*>(kTables.bytes[nibble])));
      };
      count = _mm256_add_epi8(count, _mm256_shuffle_epi8(table(x[i] & 15), _mm256_and_si256(weights, low)));
      other = _mm256_add_epi8(other, _mm256_shuffle_epi8(table(x[i] >> 4),
                                                         _mm256_and_si256(_mm256_srli_epi16(weights, 4), low)));
    }
    count = _mm256_add_epi8(count, other);
    even = _mm256_add_epi32(even, _mm256_and_si256(count, byte));
    odd = _mm256_add_epi32(odd, _mm256_srli_epi16(count, 8));
    begin = end;
  }
  std::uint16_t halves[2][kRowTile / 2];
  store(halves[0], even);
  store(halves[1], odd);
  for (int row = 0; row < kRowTile; ++row) {
    out[row] = static_cast<float>(bits - 2 * static_cast<int>(halves[row % 2][row / 2]));
  }
}

void multiply_vector(const void* packed, int words, int bits, const std::uint32_t* x, float* y,
                     const Epilogue& epilogue, Range rows) {
  float sums[kRowTile];
  for (int row = rows.begin; row < rows.end; row += kRowTile) {
    const auto* const w = static_cast<const std::uint8_t*>(packed) + static_cast<std::ptrdiff_t>(row) * words * 4;
    vector_sums(w, reinterpret_cast<const std::uint8_t*>(x), words * 4, bits, sums);
    const int left = rows.end - row;
    store_rows<Avx2>(sums, row, left < kRowTile ? left : kRowTile, y, epilogue);
  }
}

}  // namespace

const BinaryKernels kBinaryAvx2{kRowTile, 1, 65535 / 32, scratch_bytes, multiply, multiply_vector,
                                planes_to_words, vector_to_words};

}  // namespace featherweight::kernels
