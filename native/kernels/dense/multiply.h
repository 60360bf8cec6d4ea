// The loops around the register tiles, for every vector width. Each element is one chain of fused
// multiply-adds in the order of the rows of X, whichever tile computes it: the results are the same.
#pragma once

#include "kernels/dense/column_lanes.h"
#include "kernels/dense/row_lanes.h"

namespace featherweight::kernels {
namespace {

template <class V, class ColumnTile, class RowTile, int kHalf>
struct DenseLoops {
  // Weights that stay in the second-level cache while the columns pass.
  static constexpr int kBlockBytes = 256 << 10;

  // While the last columns of a block pass, the weights of the next one are brought.
  static constexpr int kAheadColumns = 6 * kHalf;

  static int block_rows(int depth) {
    const int panels = kBlockBytes / (depth * V::kLanes * static_cast<int>(sizeof(float)));
    const int rows = panels * V::kLanes / RowTile::kRows * RowTile::kRows;
    return rows > RowTile::kRows ? rows : RowTile::kRows;
  }

  // Multiply-adds, useless lanes and columns included, and the turning of sums.
  static bool lanes_are_rows(const Product& p, Range rows, Range columns) {
    const auto round = [](int count, int to) { return (count + to - 1) / to * to; };
    const double wanted = static_cast<double>(columns.size()) * p.columns.width / p.columns.pitch;
    const double by_rows = round(rows.size(), V::kLanes) * wanted * (p.depth + kTurning);
    const double by_columns = static_cast<double>(round(rows.size(), ColumnTile::kTileRows)) *
                              round(columns.size(), V::kLanes) * p.depth;
    return by_rows < by_columns;
  }
  static constexpr int kTurning = 16;

  static void multiply(const float* packed, const Product& p, Range rows, Range columns, void*) {
    const bool by_rows = lanes_are_rows(p, rows, columns);
    const int step = block_rows(p.depth);
    for (int row = rows.begin; row < rows.end; row += step) {
      const Range block{row, row + step < rows.end ? row + step : rows.end};
      if (by_rows) {
        rows_block(packed, p, block, columns, block.end < rows.end ? static_cast<std::ptrdiff_t>(step) * p.depth : 0);
      } else {
        columns_block(packed, p, block, columns);
      }
    }
  }

  static void rows_block(const float* packed, const Product& p, Range rows, Range columns, std::ptrdiff_t ahead) {
    for (int column = columns.begin;;) {
      const ColumnPair pair = next_pair<kHalf>(p.columns, column, columns.end);
      if (pair.half == 0) return;
      const std::ptrdiff_t wanted = columns.end - column < kAheadColumns ? ahead : 0;
      for (int row = rows.begin; row < rows.end; row += RowTile::kRows) {
        RowTile::run(packed + static_cast<std::ptrdiff_t>(row) * p.depth, wanted, row, rows.end - row, pair, p);
      }
    }
  }

  static void columns_block(const float* packed, const Product& p, Range rows, Range columns) {
    for (int column = columns.begin; column < columns.end; column += ColumnTile::kColumns) {
      const int left = columns.end - column;
      const int count = left < ColumnTile::kColumns ? left : ColumnTile::kColumns;
      for (int row = rows.begin; row < rows.end; row += ColumnTile::kTileRows) {
        const int in_panel = row % V::kLanes;
        const float* const w = packed + static_cast<std::ptrdiff_t>(row - in_panel) * p.depth + in_panel;
        ColumnTile::run(w, row, rows.end - row, column, count, p);
      }
    }
  }

  // Lanes are rows; four panels at once, so that four chains and four streams of weights are open.
  static void multiply_vector(const float* packed, int depth, const float* x, float* y,
                              const Epilogue& e, Range rows) {
    Product one;
    one.depth = depth;
    one.columns = {1, 1, 1};
    one.y = y;
    one.y_stride = 1;
    one.epilogue = e;
    for (int row = rows.begin; row < rows.end;) {
      const int left = rows.end - row;
      const float* const w = packed + static_cast<std::ptrdiff_t>(row) * depth;
      if (left > 3 * V::kLanes) {
        vector_block<4>(w, x, row, left, one);
        row += 4 * V::kLanes;
      } else {
        vector_block<1>(w, x, row, left, one);
        row += V::kLanes;
      }
    }
  }

  template <int kPanels>
  static void vector_block(const float* w, const float* x, int row, int left, const Product& p) {
        const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(p.depth) * V::kLanes;
    typename V::Float acc[kPanels];
#pragma GCC unroll 8
    for (int v = 0; v < kPanels; ++v) acc[v] = V::zero();
    for (int d = 0; d < p.depth; ++d, w += V::kLanes) {
      const auto value = V::fill(x[d]);
#pragma GCC unroll 8
      for (int v = 0; v < kPanels; ++v) {
        acc[v] = V::fma(V::load(w + v * panel), value, acc[v]);
      }
    }
    const Epilogue& e = p.epilogue;
#pragma GCC unroll 8
    for (int v = 0; v < kPanels; ++v) {
      const int first = v * V::kLanes, used = left - first < V::kLanes ? left - first : V::kLanes;
      if (used <= 0) return;
      const auto mask = V::first(used);
      const int at = row + first;
      const auto scale = e.scale ? V::load(e.scale + at, mask) : V::fill(1.0f);
      const auto bias = e.bias ? V::load(e.bias + at, mask) : V::zero();
      const auto rest = e.residual ? V::load(e.residual + at, mask) : V::zero();
      V::store_first(p.y + at, used, finished<V>(acc[v], e, scale, bias, rest));
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
