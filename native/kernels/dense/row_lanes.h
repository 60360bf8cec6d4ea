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

// kSums: how many vectors of sums the registers hold. Where both halves of the columns do not fit, they are computed in
// turn: more rows at once take fewer loads a multiply-add than more columns do.
template <class V, int kMaxPanels, int kMaxHalf, int kSums>
struct RowLanes {
  static constexpr int kRows = kMaxPanels * V::kLanes, kColumns = 2 * kMaxHalf;

  // How many of `rows` rows that are left the next tile takes: 1, 2, 4 ... panels, of which none is all padding.
  static int rows_of_next(int rows) {
    int panels = kMaxPanels;
    while ((panels - 1) * V::kLanes >= rows) panels /= 2;
    return panels * V::kLanes < rows ? panels * V::kLanes : rows;
  }

  // Weights of some steps of depth: panels `panel` floats apart.
  struct Weights {
    const float* at;
    std::ptrdiff_t panel;
    const float* next;  // what is brought from memory meanwhile, a vector a step
  };

  // Adds `steps` steps of depth to `sums`, [column][row], or begins them.
  static void add(const Weights& w, int rows, const ColumnPair& c, const Operand& x, int steps, bool is_first,
                  float* sums) {
    by_panels<kMaxPanels>(w, rows, c, x, steps, is_first, sums);
  }

  static void store(const float* sums, int row, int rows, const ColumnPair& c, const Product& p) {
    static_assert(kColumns <= V::kLanes, "a tile's columns fill one vector");
    const Epilogue e = p.epilogue;
    const Finish<V> finish(e);
    const auto mask = V::first(c.count);
    for (int r = 0; r < rows; r += V::kLanes) {
      typename V::Float turned[V::kLanes];
#pragma GCC unroll 16
      for (int j = 0; j < V::kLanes; ++j) {
        turned[j] = j < c.count ? V::load(sums + j * kRows + r) : V::zero();
      }
      V::transpose(turned);
      const int used = rows - r < V::kLanes ? rows - r : V::kLanes;
      for (int i = 0; i < used; ++i) {
        const std::ptrdiff_t at = (row + r + i) * p.y_stride + c.stored;
        const auto scale = V::fill(e.scale ? e.scale[row + r + i] : 1.0f);
        const auto bias = V::fill(e.bias ? e.bias[row + r + i] : 0.0f);
        const auto rest = e.residual ? V::load(e.residual + at, mask) : V::zero();
        V::store_first(p.y + at, c.count, finish(turned[i], scale, bias, rest));
      }
    }
  }

 private:
  template <int kPanels>
  static void by_panels(const Weights& w, int rows, const ColumnPair& c, const Operand& x, int steps, bool is_first,
                        float* sums) {
    if constexpr (kPanels > 1) {
      if (rows <= (kPanels - 1) * V::kLanes) return by_panels<kPanels / 2>(w, rows, c, x, steps, is_first, sums);
    }
    const float* const at = static_cast<const float*>(x.data) + c.first;
    const int second = c.second - c.first;
    if constexpr (kPanels * kColumns <= kSums) {
      float* const sums_of_second = sums + (c.count - c.half) * kRows;
      by_half<kPanels, 2, kMaxHalf>(w, at, second, c.half, x.offsets, steps, is_first, sums, sums_of_second);
    } else if (c.count <= kMaxHalf && second + c.half == c.count) {
      by_half<kPanels, 1, kMaxHalf>(w, at, 0, c.count, x.offsets, steps, is_first, sums, nullptr);
    } else {
      // A column that both halves hold is left to the first: its sum may not be added to twice.
      const int left = c.count - c.half;
      by_half<kPanels, 1, kMaxHalf>(w, at, 0, c.half, x.offsets, steps, is_first, sums, nullptr);
      by_half<kPanels, 1, kMaxHalf>(w, at + second + c.half - left, 0, left, x.offsets, steps, is_first,
                                    sums + c.half * kRows, nullptr);
    }
  }

  template <int kPanels, int kHalves, int kHalf>
  static void by_half(const Weights& w, const float* x, int second, int half, const std::int32_t* offsets, int steps,
                      bool is_first, float* sums, float* sums_of_second) {
    if constexpr (kHalf > 1) {
      if (half < kHalf) {
        return by_half<kPanels, kHalves, kHalf - 1>(w, x, second, half, offsets, steps, is_first, sums, sums_of_second);
      }
    }
    tile<kPanels, kHalves, kHalf>(w, x, second, offsets, steps, is_first, sums, sums_of_second);
  }

  // kHalves runs of kHalf columns, the second `second` columns after the first.
  template <int kPanels, int kHalves, int kHalf>
  static void tile(const Weights& weights, const float* x, int second, const std::int32_t* offsets, int steps,
                   bool is_first, float* sums, float* sums_of_second) {
    auto [w, panel, next] = weights;
    float* const sums_of[] = {sums, sums_of_second};
    typename V::Float acc[kHalves][kHalf][kPanels];
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
#pragma GCC unroll 8
      for (int j = 0; j < kHalf; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < kPanels; ++v) {
          acc[h][j][v] = is_first ? V::zero() : V::load(sums_of[h] + j * kRows + v * V::kLanes);
        }
      }
    }
    for (int d = 0; d < steps; ++d, w += V::kLanes, next += V::kLanes) {
      typename V::Float rows[kPanels];
#pragma GCC unroll 4
      for (int v = 0; v < kPanels; ++v) rows[v] = V::load(w + v * panel);
      __builtin_prefetch(next, 0, 2);
      const float* at = x + offsets[d];
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h, at += second) {
#pragma GCC unroll 8
        for (int j = 0; j < kHalf; ++j) {
          const auto value = V::fill(at[j]);
#pragma GCC unroll 4
          for (int v = 0; v < kPanels; ++v) acc[h][j][v] = V::fma(rows[v], value, acc[h][j][v]);
        }
      }
    }
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
#pragma GCC unroll 8
      for (int j = 0; j < kHalf; ++j) {
#pragma GCC unroll 4
        for (int v = 0; v < kPanels; ++v) V::store(sums_of[h] + j * kRows + v * V::kLanes, acc[h][j][v]);
      }
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
