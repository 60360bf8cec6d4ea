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
  static constexpr int kMostTaps = 32 * 32;  // of larger filters, scalar.cc takes care

  // Sums of four rows and a vector of columns. kTaps: of the filter, or 0 for any.
  template <int kTaps>
  [[gnu::always_inline]] static void add_up(const FourTaps* filter, const Int8x4* x, const std::int32_t* offsets,
                                            int any_taps, typename V::Mask columns, const std::int32_t* begin,
                                            Int (&out)[4]) {
    const int taps = kTaps ? kTaps : any_taps;
    Int acc[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) acc[i] = V::four_ints(begin);
#pragma GCC unroll 3
    for (int tap = 0; tap < taps; tap += 4) {
      Int of_tap[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) of_tap[i] = V::load_int(x + offsets[tap + i < taps ? tap + i : 0], columns);
      filter[tap / 4].add_products(acc, of_tap, taps - tap);
    }
    const Int first = V::low_ints(acc[0], acc[1]), second = V::low_ints(acc[2], acc[3]);
    const Int third = V::high_ints(acc[0], acc[1]), fourth = V::high_ints(acc[2], acc[3]);
    out[0] = V::low_longs(first, second);
    out[1] = V::high_longs(first, second);
    out[2] = V::low_longs(third, fourth);
    out[3] = V::high_longs(third, fourth);
  }

  // The runs of a panel.
  template <int kTaps>
  static void filter_runs(const Int8Weights& filters, const FourTaps* filter, const Product& p,
                          const QuantizedOutput* output, Range rows, Range columns) {
    std::int32_t begin[4];
    for (int r = 0; r < 4; ++r) begin[r] = -p.x.zero_point * filters.row_sum[rows.begin + r];
    const FourRows<V> out(filters, p, output, rows.begin, rows.end);
    const auto* const x = static_cast<const Int8x4*>(p.x.data) + columns.begin;
    each_run(columns.begin, columns.end, p.columns, output, [&](const Run& run) {
      for (int i = 0; i < run.count; i += V::kLanes) {
        // What lies behind a run is read where there is more of the plane.
        const int left = run.count - i, from = run.from + i, more = columns.size() - from;
        Int sums[4];
        add_up<kTaps>(filter, x + from, p.x.offsets, p.depth, V::first(more < V::kLanes ? more : V::kLanes), begin, sums);
        if (out.is_elements()) {
          V::store_some(out.elements() + run.to_element + i, out.bytes(sums), left);
          continue;
        }
        alignas(64) std::int32_t tile[4 * V::kLanes];
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) V::store_int(tile + r * V::kLanes, sums[r]);
        out.store(tile, V::kLanes, Run{0, left < V::kLanes ? left : V::kLanes, run.to + i, run.to_element + i});
      }
    });
  }

  static void filter(const Int8Weights& filters, const Product& p, const QuantizedOutput* output, Range rows,
                     Range columns) {
    if (p.depth > kMostTaps) return kInt8Scalar.filter(filters, p, output, rows, columns);
    const std::int8_t* const w = filters.packed + static_cast<std::ptrdiff_t>(rows.begin) * filters.depth;
    FourTaps filter[kMostTaps / 4];
    for (int tap = 0; tap < p.depth; tap += 4) filter[tap / 4] = FourTaps(w + tap * 4);
    const auto run = p.depth == 9 ? filter_runs<9> : filter_runs<0>;
    run(filters, filter, p, output, rows, columns);
  }
};

}  // namespace
}  // namespace featherweight::kernels
