// Matrix-vector products with row blocks (AVX2; AVX-512 only looks up codes faster). The rows of a
// block are the lanes. Sums of all rows wait in `scratch` while the bands pass, in the order in which
// the weights lie. Codes become floats a few thousand at a time, in the nearest cache.
#pragma once

#include "kernels/finish_vector.h"
#include "kernels/row_blocks/codes_avx2.h"
#include "kernels/row_blocks/tile.h"

namespace featherweight::kernels {
namespace {

// sums[0 ... kBlockRows - 1] += the blocks' weights times their elements of x.
template <int kBlockRows>
struct AddBlocks;

template <>
struct AddBlocks<8> {
  static void add(const float* w, const std::uint8_t* index, int blocks, const float* x, float* sums) {
    __m256 a = _mm256_loadu_ps(sums), b = _mm256_setzero_ps(), c = b, d = b;
    int i = 0;
    for (; i + 4 <= blocks; i += 4, w += 32) {
      a = _mm256_fmadd_ps(_mm256_broadcast_ss(x + index[i]), _mm256_loadu_ps(w), a);
      b = _mm256_fmadd_ps(_mm256_broadcast_ss(x + index[i + 1]), _mm256_loadu_ps(w + 8), b);
      c = _mm256_fmadd_ps(_mm256_broadcast_ss(x + index[i + 2]), _mm256_loadu_ps(w + 16), c);
      d = _mm256_fmadd_ps(_mm256_broadcast_ss(x + index[i + 3]), _mm256_loadu_ps(w + 24), d);
    }
    for (; i < blocks; ++i, w += 8) {
      a = _mm256_fmadd_ps(_mm256_broadcast_ss(x + index[i]), _mm256_loadu_ps(w), a);
    }
    _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
  }
};

template <>
struct AddBlocks<4> {
  static void add(const float* w, const std::uint8_t* index, int blocks, const float* x, float* sums) {
    __m128 a = _mm_loadu_ps(sums), b = _mm_setzero_ps(), c = b, d = b;
    int i = 0;
    for (; i + 4 <= blocks; i += 4, w += 16) {
      a = _mm_fmadd_ps(_mm_broadcast_ss(x + index[i]), _mm_loadu_ps(w), a);
      b = _mm_fmadd_ps(_mm_broadcast_ss(x + index[i + 1]), _mm_loadu_ps(w + 4), b);
      c = _mm_fmadd_ps(_mm_broadcast_ss(x + index[i + 2]), _mm_loadu_ps(w + 8), c);
      d = _mm_fmadd_ps(_mm_broadcast_ss(x + index[i + 3]), _mm_loadu_ps(w + 12), d);
    }
    for (; i < blocks; ++i, w += 4) a = _mm_fmadd_ps(_mm_broadcast_ss(x + index[i]), _mm_loadu_ps(w), a);
    _mm_storeu_ps(sums, _mm_add_ps(_mm_add_ps(a, b), _mm_add_ps(c, d)));
  }
};

template <class Weight>
float dot(Weight weight, const std::uint8_t* index, int entries, const float* x, float sum) {
  float a = sum, b = 0.0f, c = 0.0f, d = 0.0f;
  int i = 0;
  for (; i + 4 <= entries; i += 4) {
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
  static void add(const float* w, const std::uint8_t* index, int blocks, const float* x, float* sums) {
    *sums = dot([w](int i) { return w[i]; }, index, blocks, x, *sums);
  }
};

template <class V, class Codes, int kBlockRows>
struct RowBlocksVector {
  using Add = AddBlocks<kBlockRows>;

  // `out`: room for 15 more than `count`. `first`: even.
  static void decode(const RowBlocksView& w, const Codes& table, std::size_t first, int count, float* out) {
    if (w.stored == Stored::codes4) {
      for (int i = 0; i < count; i += 16) table.sixteen(unpack_halves(w.codes + (first + i) / 2), out + i);
    } else if (w.codebook_size <= Codes::kSmallCodebook) {
      for (int i = 0; i < count; i += 16) {
        table.sixteen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w.codes + first + i)), out + i);
      }
    } else {
      for (int i = 0; i < count; ++i) out[i] = w.codebook[w.codes[first + i]];
    }
  }

  static void add_codes(const RowBlocksView& w, const std::uint32_t* start, Range groups, const float* x,
                        float* sums, float* decoded) {
    const Codes table(w.codebook);
    for (int group = groups.begin; group < groups.end;) {
      int end = group + 1;
      const std::size_t first = start[group];
      while (end < groups.end && (start[end + 1] - first) * kBlockRows <= kDecodedWeights) ++end;
      decode(w, table, first * kBlockRows, static_cast<int>(start[end] - first) * kBlockRows, decoded);
      for (; group < end; ++group) {
        Add::add(decoded + (start[group] - first) * kBlockRows, w.index + start[group],
                 static_cast<int>(start[group + 1] - start[group]), x, sums + group * kBlockRows);
      }
    }
  }

  static void add_band(const RowBlocksView& w, const std::uint32_t* start, Range groups, const float* x,
                       float* sums, float* decoded) {
    if (w.stored == Stored::values) {
      for (int group = groups.begin; group < groups.end; ++group) {
        Add::add(w.values + static_cast<std::size_t>(start[group]) * kBlockRows, w.index + start[group],
                 static_cast<int>(start[group + 1] - start[group]), x, sums + group * kBlockRows);
      }
    } else if (kBlockRows == 1 && w.codebook_size > Codes::kSmallCodebook) {
      for (int group = groups.begin; group < groups.end; ++group) {
        const std::uint8_t* const codes = w.codes + start[group];
        const float* const codebook = w.codebook;
        sums[group] = dot([codes, codebook](int i) { return codebook[codes[i]]; }, w.index + start[group],
                          static_cast<int>(start[group + 1] - start[group]), x, sums[group]);
      }
    } else {
      add_codes(w, start, groups, x, sums, decoded);
    }
  }

  static void multiply(const RowBlocksView& w, const float* x, float* y, const Epilogue& epilogue, Range rows,
                       float* scratch) {
    float* const decoded = scratch;
    float* const sums = scratch + kDecodedWeights + 64;
    const Range groups{rows.begin / kBlockRows, (rows.end + kBlockRows - 1) / kBlockRows};
    for (int row = groups.begin * kBlockRows; row < groups.end * kBlockRows; ++row) sums[row] = 0.0f;
    for (int band = 0; band < w.bands; ++band) {
      add_band(w, w.start + static_cast<std::size_t>(band) * w.groups, groups, x + band * w.band_depth, sums,
               decoded);
    }
    store_rows<V>(sums, rows, y, epilogue);
  }
};

}  // namespace
}  // namespace featherweight::kernels
