// Filters that read one channel each, for every vector width: four channels by a vector of pixels at a time.
//
// Interleaved twice, the elements of four taps become the four bytes that a product with bytes adds up: vector i
// then holds, in its lane L of 128 bits, the four channels of pixel 4 L + i. Included by files of one instruction
// set only.
#pragma once

#include "kernels/int8/store.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct Int8Depthwise {
  using Int = typename V::Int;
  static constexpr int kVectors = 4, kColumns = kVectors * V::kLanes;

  // Four rows by a vector of columns, rows kColumns apart in `out`.
  static void sums(const std::int8_t* w, const Int8x4* x, const std::int32_t* offsets, int taps, int columns,
                   const std::int32_t* begin, std::int32_t* out) {
    Int acc[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) acc[i] = V::four_ints(begin);
    for (int tap = 0; tap < taps; tap += 4, w += 16) {
      Int of_tap[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) of_tap[i] = V::load_some(x + offsets[tap + i < taps ? tap + i : 0], columns);
      const Int low_ab = V::low_bytes(of_tap[0], of_tap[1]), high_ab = V::high_bytes(of_tap[0], of_tap[1]);
      const Int low_cd = V::low_bytes(of_tap[2], of_tap[3]), high_cd = V::high_bytes(of_tap[2], of_tap[3]);
      const typename V::FourTaps weights(w);
      acc[0] = weights.add_products(acc[0], V::low_words(low_ab, low_cd));
      acc[1] = weights.add_products(acc[1], V::high_words(low_ab, low_cd));
      acc[2] = weights.add_products(acc[2], V::low_words(high_ab, high_cd));
      acc[3] = weights.add_products(acc[3], V::high_words(high_ab, high_cd));
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
    const TileRows<V, 4, kColumns> out(filters, p, output, rows.begin, rows.end);
    for (int column = columns.begin; column < columns.end; column += kColumns) {
      const int left = columns.end - column, count = left < kColumns ? left : kColumns;
      for (int i = 0; i < count; i += V::kLanes) {
        sums(w, x + column + i, p.x.offsets, p.depth, count - i, begin, tile + i);
      }
      out.store(tile, column, count);
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
