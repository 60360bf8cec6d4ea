// A register tile whose lanes are rows of W: one or more panels times 2 * kHalf columns of X. A step of depth
// loads the panels' vectors of W and 2 * kHalf broadcasts of X. The columns are two runs of kHalf, so a
// tile is one run of a wide plane or one row each of two narrow ones, and nothing is spent on columns
// that are not wanted (7, 14, 28, 56 and 112 wide planes are whole tiles of 14). The sums have to be
// turned before they are stored: the tile for narrow planes and long depths.
#pragma once

#include "kernels/dense/dense.h"
#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

// Columns `first` ... `first + half - 1` and `second` ... `second + half - 1` of X, which are stored as
// `count` columns beginning at `stored`; they overlap where count is odd.
struct ColumnPair {
  int first, second, half, count, stored;
};

// The next columns to be computed from `column` on; `column` moves behind them. half = 0: no more.
template <int kMaxHalf>
ColumnPair next_pair(const Columns& c, int& column, int end) {
  const int in_group = column % c.pitch;
  if (!c.dense() && in_group >= c.width) column += c.pitch - in_group;
  if (column >= end) return {};
  const int first = column;
  int run = c.dense() ? end - column : column / c.pitch * c.pitch + c.width - column;
  if (run > end - column) run = end - column;
  const int stored = c.dense() ? column : c.stored(column);
  if (run > 2 * kMaxHalf) run = 2 * kMaxHalf;
  const int next = first + c.pitch;
  if (!c.dense() && run == c.width && run <= kMaxHalf && next + run <= end) {
    column = next + run;
    return {first, next, run, 2 * run, stored};
  }
  column += run;
  const int half = (run + 1) / 2;
  return {first, first + run - half, half, run, stored};
}

template <class V, int kMaxPanels, int kMaxHalf>
struct RowLanes {
  static constexpr int kRows = kMaxPanels * V::kLanes;

  // `ahead`: weights that are needed when all columns have passed lie so many floats behind those of now; they come
  // from memory meanwhile.
  static void run(const float* w, std::ptrdiff_t ahead, int row, int rows, const ColumnPair& columns, const Product& p) {
    alignas(64) float sums[2 * kMaxHalf * kRows] = {};  // columns that are not there: not trash
    dispatch<kMaxPanels, kMaxHalf>(w, ahead, rows, columns, p, sums);
    store(sums, row, rows < kRows ? rows : kRows, columns, p);
  }

 private:
  template <int kPanels, int kHalf>
  static void dispatch(const float* w, std::ptrdiff_t ahead, int rows, const ColumnPair& c, const Product& p, float* sums) {
    if constexpr (kPanels > 1) {
      if (rows <= (kPanels - 1) * V::kLanes) return dispatch<kPanels - 1, kHalf>(w, ahead, rows, c, p, sums);
    }
    if constexpr (kHalf > 1) {
      if (c.half < kHalf) return dispatch<kPanels, kHalf - 1>(w, ahead, rows, c, p, sums);
    }
    tile<kPanels, kHalf>(w, ahead, c, p, sums);
  }

  template <int kPanels, int kHalf>
  static void tile(const float* w, std::ptrdiff_t ahead, const ColumnPair& c, const Product& p, float* sums) {
    const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(p.depth) * V::kLanes;
    const float* const x = static_cast<const float*>(p.x.data) + c.first;
    const std::int32_t* const offsets = p.x.offsets;
    const int second = c.second - c.first;
    typename V::Float acc[2][kHalf][kPanels];
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
#pragma GCC unroll 8
      for (int j = 0; j < kHalf; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < kPanels; ++v) acc[h][j][v] = V::zero();
      }
    }
    for (int d = 0, depth = p.depth; d < depth; ++d, w += V::kLanes) {
      typename V::Float weights[kPanels];
#pragma GCC unroll 4
      for (int v = 0; v < kPanels; ++v) {
        weights[v] = V::load(w + v * panel);
        __builtin_prefetch(w + v * panel + ahead, 0, 2);
      }
      const float* at = x + offsets[d];
#pragma GCC unroll 2
      for (int h = 0; h < 2; ++h, at += second) {
#pragma GCC unroll 8
        for (int j = 0; j < kHalf; ++j) {
          const auto value = V::fill(at[j]);
#pragma GCC unroll 4
          for (int v = 0; v < kPanels; ++v) acc[h][j][v] = V::fma(weights[v], value, acc[h][j][v]);
        }
      }
    }
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      float* const to = sums + h * (c.count - kHalf) * kRows;
#pragma GCC unroll 8
      for (int j = 0; j < kHalf; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < kPanels; ++v) V::store(to + j * kRows + v * V::kLanes, acc[h][j][v]);
      }
    }
  }

  // `sums`: [column][row].
  static void store(const float* sums, int row, int rows, const ColumnPair& c, const Product& p) {
    static_assert(2 * kMaxHalf <= V::kLanes, "a tile's columns fill one vector");
    const Epilogue& e = p.epilogue;
    const auto mask = V::first(c.count);
    for (int r = 0; r < rows; r += V::kLanes) {
      typename V::Float turned[V::kLanes];
#pragma GCC unroll 16
      for (int j = 0; j < V::kLanes; ++j) {
        turned[j] = j < 2 * kMaxHalf ? V::load(sums + j * kRows + r) : V::zero();
      }
      V::transpose(turned);
      const int used = rows - r < V::kLanes ? rows - r : V::kLanes;
      for (int i = 0; i < used; ++i) {
        const std::ptrdiff_t at = (row + r + i) * p.y_stride + c.stored;
        const auto scale = V::fill(e.scale ? e.scale[row + r + i] : 1.0f);
        const auto bias = V::fill(e.bias ? e.bias[row + r + i] : 0.0f);
        const auto rest = e.residual ? V::load(e.residual + at, mask) : V::zero();
        V::store_first(p.y + at, c.count, finished<V>(turned[i], e, scale, bias, rest));
      }
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
