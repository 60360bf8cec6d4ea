// The loops around the register tiles, for every vector width. Each element is one chain of fused
// multiply-adds in the order of the rows of X, whichever tile computes it: the results are the same.
#pragma once

#include "kernels/dense/column_lanes.h"
#include "kernels/dense/row_lanes.h"

namespace featherweight::kernels {
namespace {

template <class V, class ColumnTile, class RowTile, int kHalf>
struct DenseLoops {
  // Weights that stay in the second-level cache while the columns pass, and steps of depth whose weights stay in the
  // first.
  static constexpr int kBlockBytes = 256 << 10, kDepth = 96;
  // Pairs of runs of columns whose unfinished sums wait in scratch.
  static constexpr int kPairs = 32, kSums = RowTile::kColumns * RowTile::kRows;

  static std::size_t scratch_bytes(int depth) { return depth <= kDepth ? 0 : kPairs * kSums * sizeof(float); }

  static void multiply(const float* packed, const Product& p, Range rows, Range columns, void* scratch) {
    const auto run = lanes_are_rows(p, rows, columns, scratch != nullptr) ? by_rows : by_columns;
    run(packed, p, rows, columns, static_cast<float*>(scratch));
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

 private:
  // Multiply-adds, useless lanes and columns included, and the turning of sums.
  static bool lanes_are_rows(const Product& p, Range rows, Range columns, bool in_blocks) {
    const auto round = [](int count, int to) { return (count + to - 1) / to * to; };
    const double wanted = static_cast<double>(columns.size()) * p.columns.width / p.columns.pitch;
    const double of_rows = round(rows.size(), V::kLanes) * wanted * (p.depth + kTurning);
    const double of_columns = static_cast<double>(round(rows.size(), ColumnTile::kTileRows)) *
                              round(columns.size(), V::kLanes) * p.depth;
    return of_rows < (in_blocks ? kGainOfBlocks : 1.0) * of_columns;
  }
  static constexpr int kTurning = 16;
  static constexpr double kGainOfBlocks = 1.15;  // weights are read from the first-level cache

  static void by_columns(const float* packed, const Product& p, Range rows, Range columns, float*) {
    const int panels = kBlockBytes / (p.depth * V::kLanes * static_cast<int>(sizeof(float)));
    const int step = (panels > 0 ? panels : 1) * V::kLanes;
    for (int first = rows.begin; first < rows.end; first += step) {
      const int end = rows.end - first < step ? rows.end : first + step;
      for (int column = columns.begin; column < columns.end; column += ColumnTile::kColumns) {
        const int left = columns.end - column;
        const int count = left < ColumnTile::kColumns ? left : ColumnTile::kColumns;
        for (int row = first; row < end; row += ColumnTile::kTileRows) {
          const int in_panel = row % V::kLanes;
          const float* const w = packed + static_cast<std::ptrdiff_t>(row - in_panel) * p.depth + in_panel;
          ColumnTile::run(w, row, end - row, column, count, p);
        }
      }
    }
  }

  static void by_rows(const float* packed, const Product& p, Range rows, Range columns, float* scratch) {
    ColumnPair pairs[kPairs];
    for (int column = columns.begin;;) {
      int count = 0;
      while (count < kPairs && (pairs[count] = next_pair<kHalf>(p.columns, column, columns.end)).half > 0) ++count;
      if (count == 0) return;
      for (int row = rows.begin; row < rows.end;) {
        const int taken = RowTile::rows_of_next(rows.end - row);
        rows_tile(packed + static_cast<std::ptrdiff_t>(row) * p.depth, p, {row, row + taken}, pairs, count, scratch);
        row += taken;
      }
    }
  }

  // The weights of `rows` begin at `w`. All columns pass a block of depth before the next one, which is brought from
  // memory meanwhile.
  static void rows_tile(const float* w, const Product& p, Range rows, const ColumnPair* pairs, int count,
                        float* scratch) {
    const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(p.depth) * V::kLanes;
    const int block = scratch ? kDepth : p.depth;
    alignas(64) float sums_of_one[kSums];
    for (int d = 0; d < p.depth; d += block) {
      const int steps = p.depth - d < block ? p.depth - d : block;
      const bool is_last = d + steps == p.depth;
      const float* const at = w + d * V::kLanes;
      const float* const next = is_last ? w + rows.size() / V::kLanes * panel : at + steps * V::kLanes;
      Operand x = p.x;
      x.offsets += d;
      for (int i = 0; i < count; ++i) {
        float* const sums = block < p.depth ? scratch + i * kSums : sums_of_one;
        const float* const ahead = i * V::kLanes < rows.size() ? next + i * panel : at;
        RowTile::add({at, panel, ahead}, rows.size(), pairs[i], x, steps, d == 0, sums);
        if (is_last) RowTile::store(sums, rows.begin, rows.size(), pairs[i], p);
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
