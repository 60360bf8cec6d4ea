// Matrix-vector products with row blocks (AVX2; AVX-512 only looks up codes faster). The rows of a
// block are the lanes. Sums of all rows wait in `scratch` while the bands pass, in the order in which
// the weights lie. Codes become floats a few thousand at a time, in the nearest cache.
#pragma once

#include <algorithm>

#include "kernels/finish_vector.h"
#include "kernels/row_blocks/codes_avx2.h"
#include "kernels/row_blocks/tile.h"
#include "kernels/streams.h"

namespace featherweight::kernels {
namespace {

// What is read once and in one run: the machine itself fetches too few lines ahead.
inline void fetch(const void* p) { _mm_prefetch(static_cast<const char*>(p) + 6144, _MM_HINT_T0); }

// The rows of a block as one vector.
template <int kBlockRows>
struct Block;

template <>
struct Block<8> {
  using Sums = __m256;
  static Sums zero() { return _mm256_setzero_ps(); }
  static Sums load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Sums sums) { _mm256_storeu_ps(p, sums); }
  static Sums add(Sums a, Sums b) { return _mm256_add_ps(a, b); }
  static Sums fma(const float* x, const float* w, Sums sums) {
    return _mm256_fmadd_ps(_mm256_broadcast_ss(x), load(w), sums);
  }
};

template <>
struct Block<4> {
  using Sums = __m128;
  static Sums zero() { return _mm_setzero_ps(); }
  static Sums load(const float* p) { return _mm_loadu_ps(p); }
  static void store(float* p, Sums sums) { _mm_storeu_ps(p, sums); }
  static Sums add(Sums a, Sums b) { return _mm_add_ps(a, b); }
  static Sums fma(const float* x, const float* w, Sums sums) { return _mm_fmadd_ps(_mm_broadcast_ss(x), load(w), sums); }
};

// sums[0 ... kBlockRows - 1] += the blocks' weights times their elements of x. `kStreams`: the weights
// come from memory, not from a buffer of decoded codes.
template <int kBlockRows>
struct AddBlocks {
  using B = Block<kBlockRows>;

  template <bool kStreams, class Index>
  static void add(const float* w, const Index* index, int blocks, const float* x, float* sums) {
    typename B::Sums acc[4] = {B::load(sums), B::zero(), B::zero(), B::zero()};
    int i = 0;
    for (; i + 4 <= blocks; i += 4, w += 4 * kBlockRows) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        if (kStreams && j * kBlockRows % 16 == 0) fetch(w + j * kBlockRows);
        acc[j] = B::fma(x + index[i + j], w + j * kBlockRows, acc[j]);
      }
    }
    for (; i < blocks; ++i, w += kBlockRows) acc[0] = B::fma(x + index[i], w, acc[0]);
    B::store(sums, B::add(B::add(acc[0], acc[1]), B::add(acc[2], acc[3])));
  }

  // Four groups side by side (streams.h), `blocks` of each.
  template <class Index>
  static void add_four(const float* const (&w)[4], const Index* const (&index)[4], int blocks, const float* x,
                       float* const (&sums)[4]) {
    typename B::Sums acc[4];
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) acc[g] = B::load(sums[g]);
    for (int i = 0; i < blocks; ++i) {
#pragma GCC unroll 4
      for (int g = 0; g < 4; ++g) {
        const float* const at = w[g] + i * kBlockRows;
        fetch_ahead(at);
        acc[g] = B::fma(x + index[g][i], at, acc[g]);
      }
    }
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) B::store(sums[g], acc[g]);
  }
};

struct FloatWeights {
  const float* values;
  float operator()(int i) const { return values[i]; }
  const void* at(int i) const { return values + i; }
};

struct CodedWeights {
  const std::uint8_t* codes;
  const float* codebook;
  float operator()(int i) const { return codebook[codes[i]]; }
  const void* at(int i) const { return codes + i; }
};

template <class Weight, class Index>
float dot(Weight weight, const Index* index, int entries, const float* x, float sum) {
  float a = sum, b = 0.0f, c = 0.0f, d = 0.0f;
  int i = 0;
  for (; i + 4 <= entries; i += 4) {
    fetch(index + i);
    fetch(weight.at(i));
    a = __builtin_fmaf(weight(i), x[index[i]], a);
    b = __builtin_fmaf(weight(i + 1), x[index[i + 1]], b);
    c = __builtin_fmaf(weight(i + 2), x[index[i + 2]], c);
    d = __builtin_fmaf(weight(i + 3), x[index[i + 3]], d);
  }
  for (; i < entries; ++i) a = __builtin_fmaf(weight(i), x[index[i]], a);
  return (a + b) + (c + d);
}

template <>
struct AddBlocks<1> {
  template <bool kStreams, class Index>
  static void add(const float* w, const Index* index, int blocks, const float* x, float* sums) {
    *sums = dot(FloatWeights{w}, index, blocks, x, *sums);
  }
};

template <class V, class Codes, int kBlockRows>
struct RowBlocksVector {
  using Add = AddBlocks<kBlockRows>;

  // `out`: room for 63 more than `count`. `first`: even.
  static void decode(const RowBlocksView& w, const Codes& table, std::size_t first, int count, float* out) {
    if (w.stored == Stored::codes4) {
      for (int i = 0; i < count; i += 16) table.sixteen(unpack_halves(w.codes + (first + i) / 2), out + i);
    } else if (w.codebook_size <= Codes::kSmallCodebook) {
      for (int i = 0; i < count; i += 16) {
        table.sixteen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w.codes + first + i)), out + i);
      }
    } else {
      Codes::many(w, w.codes + first, count, out);
    }
  }

  // One group's blocks [begin, end).
  template <class Index>
  static void add_codes(const RowBlocksView& w, const Codes& table, std::size_t begin, std::size_t end,
                        const Index* index, const float* x, float* sums, float* decoded) {
    constexpr int kMost = kDecodedWeights / kBlockRows;
    for (std::size_t block = begin; block < end; block += kMost) {
      const int count = end - block < kMost ? static_cast<int>(end - block) : kMost;
      decode(w, table, block * kBlockRows, count * kBlockRows, decoded);
      Add::template add<false>(decoded, index + block, count, x, sums);
    }
  }

  // A quarter of the groups beside the others; what one has more of than the shortest of its four is added after.
  template <class Index>
  static void add_values(const RowBlocksView& w, const std::uint32_t* start, Range groups, const Index* index,
                         const float* x, float* sums) {
    const auto add_rest = [&](int group, std::uint32_t done) {
      const std::size_t first = start[group] + done;
      Add::template add<true>(w.values + first * kBlockRows, index + first, static_cast<int>(start[group + 1] - first), x,
                              sums + group * kBlockRows);
    };
    int group = groups.begin;
    if constexpr (kBlockRows > 1) {
      const int quarter = groups.size() / 4;
      for (; group < groups.begin + quarter; ++group) {
        const float* values[4];
        const Index* indices[4];
        float* to[4];
        std::uint32_t least = UINT32_MAX;
        for (int g = 0; g < 4; ++g) {
          const int of = group + g * quarter;
          values[g] = w.values + static_cast<std::size_t>(start[of]) * kBlockRows;
          indices[g] = index + start[of];
          to[g] = sums + of * kBlockRows;
          least = std::min(least, start[of + 1] - start[of]);
        }
        Add::add_four(values, indices, static_cast<int>(least), x, to);
        for (int g = 0; g < 4; ++g) add_rest(group + g * quarter, least);
      }
      group = groups.begin + 4 * quarter;
    }
    for (; group < groups.end; ++group) add_rest(group, 0);
  }

  template <class Index>
  static void add_band(const RowBlocksView& w, const std::uint32_t* start, Range groups, const Index* index,
                       const float* x, float* sums, float* decoded) {
    if (w.stored == Stored::values) return add_values(w, start, groups, index, x, sums);
    const auto blocks = [&](int group) { return static_cast<int>(start[group + 1] - start[group]); };
    if constexpr (kBlockRows == 8 && Codes::kAddsEightRows) {
      if (w.stored == Stored::codes4) {
        for (int group = groups.begin; group < groups.end; ++group) {
          Codes::add_eight_rows(w, w.codes + std::size_t{4} * start[group], index + start[group], blocks(group), x,
                                sums + group * kBlockRows);
        }
        return;
      }
    }
    if (kBlockRows == 1 && w.codebook_size > Codes::kSmallCodebook && !Codes::kFastLargeCodebook) {
      for (int group = groups.begin; group < groups.end; ++group) {
        sums[group] = dot(CodedWeights{w.codes + start[group], w.codebook}, index + start[group], blocks(group), x,
                          sums[group]);
      }
      return;
    }
    const Codes table(w);
    for (int group = groups.begin; group < groups.end; ++group) {
      add_codes(w, table, start[group], start[group + 1], index, x, sums + group * kBlockRows, decoded);
    }
  }

  static void multiply(const RowBlocksView& w, const float* x, float* y, const Epilogue& epilogue, Range rows,
                       float* scratch) {
    float* const decoded = scratch;
    float* const sums = scratch + kDecodedWeights + 64;
    const Range groups{rows.begin / kBlockRows, (rows.end + kBlockRows - 1) / kBlockRows};
    for (int row = groups.begin * kBlockRows; row < groups.end * kBlockRows; ++row) sums[row] = 0.0f;
    for (int band = 0; band < w.bands; ++band) {
      const std::uint32_t* const start = w.start + static_cast<std::size_t>(band) * w.groups;
      const float* const part = x + static_cast<std::ptrdiff_t>(band) * w.band_depth;
      if (w.index8) add_band(w, start, groups, w.index8, part, sums, decoded);
      if (w.index16) add_band(w, start, groups, w.index16, part, sums, decoded);
    }
    store_rows<V>(sums, rows, y, epilogue);
  }
};

}  // namespace
}  // namespace featherweight::kernels
