// Column lanes over gathered X, for narrow vectors: the wanted columns of a tile and a block of depth lie in one
// piece in the first-level cache, not pages apart, and every row of W passes it. Unfinished sums wait in scratch, so
// each element is still one chain in the order of the rows of X.
#pragma once

#include "kernels/columns.h"
#include "kernels/dense/dense.h"

namespace featherweight::kernels {
namespace {

// Tiles of kRows rows by kVectors vectors; where one vector is left, of 2 * kRows rows (panels hold kLanes of them).
template <class V, int kRows, int kVectors>
struct GatheredColumns {
  static constexpr int kColumns = kVectors * V::kLanes, kDepth = 256, kChunk = 512;
  static_assert(V::kLanes == 2 * kRows, "a panel is two tiles");

  // To gather a column takes as long as some rows of W.
  static bool pays(int rows) { return rows >= 32; }

  static std::size_t scratch_bytes(int rows) {
    const int chunk = rows < kChunk ? (rows + V::kLanes - 1) / V::kLanes * V::kLanes : kChunk;
    return static_cast<std::size_t>(kDepth + chunk) * kColumns * sizeof(float);
  }

  static void multiply(const float* packed, const Product& p, Range rows, Range columns, void* scratch) {
    auto* const tile = static_cast<float*>(scratch);
    float* const sums = tile + kDepth * kColumns;
    const Range stored = stored_columns(p.columns, columns);
    for (int column = stored.begin; column < stored.end; column += kColumns) {
      const int left = stored.end - column, count = left < kColumns ? left : kColumns;
      for (int first = rows.begin; first < rows.end; first += kChunk) {
        const Range chunk{first, rows.end - first < kChunk ? rows.end : first + kChunk};
        for (int d = 0; d < p.depth; d += kDepth) {
          Product part = p;
          part.x.offsets += d;
          part.depth = p.depth - d < kDepth ? p.depth - d : kDepth;
          gather_columns<kColumns>(part, column, count, part.depth, scratch);
          const float* const w = packed + static_cast<std::ptrdiff_t>(first) * p.depth + d * V::kLanes;
          add_block<kVectors>(w, p.depth, tile, part.depth, d == 0, chunk.size(), count, sums);
        }
        store_gathered<V>(sums, kColumns, column, count, first, chunk.size(), p);
      }
    }
  }

 private:
  template <int kUsed>
  static void add_block(const float* w, int depth, const float* x, int steps, bool is_first, int rows, int count,
                        float* sums) {
    if constexpr (kUsed > 1) {
      if (count <= (kUsed - 1) * V::kLanes) {
        return add_block<kUsed - 1>(w, depth, x, steps, is_first, rows, count, sums);
      }
    }
    constexpr int kTileRows = kUsed == 1 ? 2 * kRows : kRows;
    for (int row = 0; row < rows; row += kTileRows) {
      const int in_panel = row % V::kLanes;
      const float* const at = w + static_cast<std::ptrdiff_t>(row - in_panel) * depth + in_panel;
      add_tile<kTileRows, kUsed>(at, x, steps, is_first, sums + row * kColumns);
    }
  }

  template <int kTileRows, int kUsed>
  [[gnu::noinline]] static void add_tile(const float* w, const float* x, int steps, bool is_first, float* sums) {
    typename V::Float acc[kTileRows][kUsed];
#pragma GCC unroll 8
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) acc[r][v] = is_first ? V::zero() : V::load(sums + r * kColumns + v * V::kLanes);
    }
    for (int d = 0; d < steps; ++d, w += V::kLanes, x += kColumns) {
      typename V::Float columns[kUsed];
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) columns[v] = V::load(x + v * V::kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kTileRows; ++r) {
        const auto weight = V::fill(w[r]);
#pragma GCC unroll 4
        for (int v = 0; v < kUsed; ++v) acc[r][v] = V::fma(weight, columns[v], acc[r][v]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) V::store(sums + r * kColumns + v * V::kLanes, acc[r][v]);
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
