// One register tile of a dense product, for every vector width: kRows rows of W times kVectors
// vectors of columns of X, all of depth in one go. Each step loads kVectors vectors of X and kRows
// broadcasts of W for kRows * kVectors multiply-adds.
#pragma once

#include "kernels/dense/dense.h"
#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

template <class V, int kRows, int kVectors>
struct DenseTile {
  static constexpr int kColumns = kVectors * V::kLanes;

  // `last` masks the last vector; the others are whole.
  template <int kUsed, bool kMasked>
  static void sums(const float* w, const float* x, const std::int32_t* offsets, int depth,
                   typename V::Mask last, float* out) {
    typename V::Float acc[kRows][kUsed];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) acc[r][v] = V::zero();
    }
    for (int d = 0; d < depth; ++d) {
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
      w += kRows;
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) V::store(out + r * kColumns + v * V::kLanes, acc[r][v]);
    }
  }

  template <int kUsed>
  static void dispatch(const float* w, const float* x, const std::int32_t* offsets, int depth, int count,
                       float* out) {
    if constexpr (kUsed > 1) {
      if (count <= (kUsed - 1) * V::kLanes) {
        return dispatch<kUsed - 1>(w, x, offsets, depth, count, out);
      }
    }
    const int rest = count - (kUsed - 1) * V::kLanes;
    if (rest == V::kLanes) return sums<kUsed, false>(w, x, offsets, depth, V::first(0), out);
    sums<kUsed, true>(w, x, offsets, depth, V::first(rest), out);
  }

  static void multiply(const float* packed, const Product& p, Range rows, Range columns) {
    alignas(64) float tile[kRows * kColumns];
    const auto* const x = static_cast<const float*>(p.x.data);
    for (int row = rows.begin; row < rows.end; row += kRows) {
      const float* const w = packed + static_cast<std::ptrdiff_t>(row) * p.depth;
      for (int column = columns.begin; column < columns.end; column += kColumns) {
        const int left = columns.end - column, count = left < kColumns ? left : kColumns;
        dispatch<kVectors>(w, x + column, p.x.offsets, p.depth, count, tile);
        for (int r = 0; r < kRows && row + r < rows.end; ++r) {
          store_row<V>(tile + r * kColumns, column, count, row + r, p);
        }
      }
    }
  }

  // The rows of a panel lie side by side: lanes are rows.
  static void multiply_vector(const float* packed, int depth, const float* x, float* y,
                              const Epilogue& e, Range rows) {
    for (int row = rows.begin; row < rows.end; row += kRows) {
      const float* w = packed + static_cast<std::ptrdiff_t>(row) * depth;
      float sums[kRows] = {};
      for (int d = 0; d < depth; ++d, w += kRows) {
        for (int r = 0; r < kRows; ++r) sums[r] += w[r] * x[d];
      }
      Product one;
      one.columns = {1, 1, 1};
      one.y = y;
      one.y_stride = 1;
      one.epilogue = e;
      for (int r = 0; r < kRows && row + r < rows.end; ++r) store_row<V>(sums + r, 0, 1, row + r, one);
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
