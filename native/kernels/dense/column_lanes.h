// A register tile whose lanes are columns of X: kRows rows of W times kVectors vectors of columns. A step
// of depth loads kVectors vectors of X and kRows broadcasts of W for kRows * kVectors multiply-adds, and
// the sums are stored as they lie: the tile for wide planes and short depths.
#pragma once

#include "kernels/dense/dense.h"
#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

template <class V, int kRows, int kVectors>
struct ColumnLanes {
  static constexpr int kColumns = kVectors * V::kLanes, kTileRows = kRows;
  static_assert(V::kLanes % kRows == 0, "a panel is a whole number of tiles");

  // Row `row` (its weights begin at `w`) and up to kRows - 1 more, `count` <= kColumns columns.
  static void run(const float* w, int row, int rows, int column, int count, const Product& p) {
    dispatch<kVectors>(w, row, rows < kRows ? rows : kRows, column, count, p);
  }

 private:
  template <int kUsed>
  static void dispatch(const float* w, int row, int rows, int column, int count, const Product& p) {
    if constexpr (kUsed > 1) {
      if (count <= (kUsed - 1) * V::kLanes) return dispatch<kUsed - 1>(w, row, rows, column, count, p);
    }
    if constexpr (V::kMasksCost) {
      if (count == kUsed * V::kLanes) return tile<kUsed, false>(w, row, rows, column, count, p);
    }
    tile<kUsed, true>(w, row, rows, column, count, p);
  }

  // kMasked: the last vector is not whole.
  template <int kUsed, bool kMasked>
  static void tile(const float* w, int row, int rows, int column, int count, const Product& p) {
    const auto last = V::first(count - (kUsed - 1) * V::kLanes);
    const float* const x = static_cast<const float*>(p.x.data) + column;
    const std::int32_t* const offsets = p.x.offsets;
    typename V::Float acc[kRows][kUsed];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) acc[r][v] = V::zero();
    }
    for (int d = 0, depth = p.depth; d < depth; ++d, w += V::kLanes) {
      const float* const at = x + offsets[d];
      typename V::Float columns[kUsed];
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) {
        columns[v] = kMasked && v == kUsed - 1 ? V::load(at + v * V::kLanes, last)
                                               : V::load(at + v * V::kLanes);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const auto weight = V::fill(w[r]);
#pragma GCC unroll 4
        for (int v = 0; v < kUsed; ++v) acc[r][v] = V::fma(weight, columns[v], acc[r][v]);
      }
    }
    if (p.columns.dense()) return store_dense<kUsed, kMasked>(acc, row, rows, column, count, p);
    alignas(64) float sums[kRows * kColumns];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) V::store(sums + r * kColumns + v * V::kLanes, acc[r][v]);
    }
    store_rows_of<V>(sums, kColumns, column, count, row, rows, p);
  }

  // From registers: no column is dropped.
  template <int kUsed, bool kMasked>
  static void store_dense(const typename V::Float (&acc)[kRows][kUsed], int row, int rows, int column, int count,
                          const Product& p) {
    const Epilogue& e = p.epilogue;
    const Finish<V> finish(e);
    const int left = count - (kUsed - 1) * V::kLanes;
    const auto last = V::first(left);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      if (r >= rows) return;
      const auto scale = V::fill(e.scale ? e.scale[row + r] : 1.0f);
      const auto bias = V::fill(e.bias ? e.bias[row + r] : 0.0f);
      const std::ptrdiff_t first = (row + r) * p.y_stride + column;
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) {
        const bool is_masked = kMasked && v == kUsed - 1;
        const std::ptrdiff_t at = first + v * V::kLanes;
        auto rest = V::zero();
        if (e.residual) rest = is_masked ? V::load(e.residual + at, last) : V::load(e.residual + at);
        const auto value = finish(acc[r][v], scale, bias, rest);
        if (is_masked) {
          V::store_first(p.y + at, left, value);
        } else {
          V::store(p.y + at, value);
        }
      }
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
