// Filters that read one channel each, for every vector width: four channels by a vector of pixels at a time.
//
// The elements of four taps are interleaved until a channel's taps lie side by side: vector i of the sums then holds,
// in its lane L of 128 bits, the four channels of pixel 4 L + i. Included by files of one instruction set only.
#pragma once

#include "kernels/int8/store.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct Int8Depthwise {
  using Int = typename V::Int;
  using FourTaps = typename V::FourTaps;
  static constexpr int kVectors = 4, kColumns = kVectors * V::kLanes;
  static constexpr int kPrepared = 16;  // groups of four taps, a filter of 8 x 8

  // Four rows by a vector of columns, rows kColumns apart in `out`. `prepared`: of all taps, or null.
  static void sums(const std::int8_t* w, const FourTaps* prepared, const Int8x4* x, const std::int32_t* offsets,
                   int taps, int columns, const std::int32_t* begin, std::int32_t* out) {
    Int acc[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) acc[i] = V::four_ints(begin);
    for (int tap = 0; tap < taps; tap += 4, w += 16) {
      Int of_tap[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) of_tap[i] = V::load_some(x + offsets[tap + i < taps ? tap + i : 0], columns);
      if (prepared) {
        prepared[tap / 4].add_products(acc, of_tap, taps - tap);
      } else {
        FourTaps(w).add_products(acc, of_tap, taps - tap);
      }
    }
    const Int first = V::low_ints(acc[0], acc[1]), second = V::low_ints(acc[2], acc[3]);
    const Int third = V::high_ints(acc[0], acc[1]), fourth = V::high_ints(acc[2], acc[3]);
    V::store_int(out, V::low_longs(first, second));
    V::store_int(out + kColumns, V::high_longs(first, second));
    V::store_int(out + 2 * kColumns, V::low_longs(third, fourth));
    V::store_int(out + 3 * kColumns, V::high_longs(third, fourth));
  }

  static void filter(const Int8Weights& filters, const Product& p, const QuantizedOutput* output, Range rows,
                     Range columns) {
    alignas(64) std::int32_t tile[4 * kColumns + V::kLanes];
    const std::int8_t* const w = filters.packed + static_cast<std::ptrdiff_t>(rows.begin) * filters.depth;
    const Int8x4* const x = static_cast<const Int8x4*>(p.x.data);
    std::int32_t begin[4];
    for (int r = 0; r < 4; ++r) begin[r] = -p.x.zero_point * filters.row_sum[rows.begin + r];
    FourTaps prepared[kPrepared];
    const int groups = (p.depth + 3) / 4;
    for (int g = 0; g < groups && groups <= kPrepared; ++g) prepared[g] = FourTaps(w + g * 16);
    const FourTaps* const all = groups <= kPrepared ? prepared : nullptr;
    const TileRows<V, 4, kColumns> out(filters, p, output, rows.begin, rows.end);
    for (int column = columns.begin; column < columns.end; column += kColumns) {
      const int left = columns.end - column, count = left < kColumns ? left : kColumns;
      for (int i = 0; i < count; i += V::kLanes) {
        sums(w, all, x + column + i, p.x.offsets, p.depth, count - i, begin, tile + i);
      }
      out.store(tile, column, count);
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
