// Column lanes over gathered X, for narrow vectors: the wanted columns of a tile and a block of depth lie in one
// piece in the first-level cache, not pages apart, and every row of W passes it. Several tiles pass a block of W
// before the next where W does not fit the second-level cache. Unfinished sums wait in scratch, so each element is
// still one chain in the order of the rows of X.
#pragma once

#include <cstdint>

#include "kernels/columns.h"
#include "kernels/dense/column_lanes.h"
#include "kernels/dense/dense.h"

namespace featherweight::kernels {
namespace {

// Tiles of kRows rows by kVectors vectors; where one vector is left, of 2 * kRows rows (panels hold kLanes of them).
// kShort: the depth up to which sums are stored from registers, with kNearTiles bytes of tiles gathered at once.
template <class V, int kRows, int kVectors, int kShort, int kNearTiles>
struct GatheredColumns {
  static constexpr int kColumns = kVectors * V::kLanes, kDepth = 128, kChunk = 512;
  static constexpr int kSums = 144 << 10, kNearWeights = 256 << 10;  // bytes
  static_assert(kShort * kColumns * static_cast<int>(sizeof(float)) <= kNearTiles, "there is room for one");
  static_assert(V::kLanes == 2 * kRows, "a panel is two tiles");

  // To gather a column takes as long as some rows of W.
  static bool pays(int rows, int depth) { return rows >= (depth <= kShort ? 16 : 32); }

  static int rows_at_once(int rows) { return rows < kChunk ? (rows + V::kLanes - 1) / V::kLanes * V::kLanes : kChunk; }

  static int bytes_of_sums(int rows) { return rows_at_once(rows) * kColumns * 4; }
  static bool is_near(int rows, int depth) { return static_cast<std::int64_t>(rows) * depth * 4 <= kNearWeights; }

  static int tiles_at_once(int rows, int depth) {
    static_assert(kChunk * kColumns * 4 <= kSums, "there is room for one");
    return is_near(rows, depth) ? 1 : kSums / bytes_of_sums(rows);
  }

  static std::size_t scratch_bytes(int rows, int depth) {
    if (depth <= kShort) return kNearTiles;
    const int sums = is_near(rows, depth) ? bytes_of_sums(rows) : kSums;
    return kDepth * kColumns * sizeof(float) + static_cast<std::size_t>(sums);
  }

  static void multiply(const float* packed, const Product& p, Range rows, Range columns, void* scratch) {
    if (p.depth <= kShort) return multiply_short(packed, p, rows, columns, scratch);
    auto* const tile = static_cast<float*>(scratch);
    float* const sums = tile + kDepth * kColumns;
    const Range stored = stored_columns(p.columns, columns);
    const int step = tiles_at_once(rows.size(), p.depth) * kColumns;
    for (int column = stored.begin; column < stored.end; column += step) {
      const Range part{column, stored.end - column < step ? stored.end : column + step};
      for (int row = rows.begin; row < rows.end; row += kChunk) {
        multiply_chunk(packed, p, {row, rows.end - row < kChunk ? rows.end : row + kChunk}, part, tile, sums);
      }
    }
  }

  // Of one block of depth sums are stored from registers. As many tiles as the cache holds pass kRows rows before the
  // next rows do: both X and Y are read and written in long runs.
  static void multiply_short(const float* packed, const Product& p, Range rows, Range columns, void* scratch) {
    auto* const tiles = static_cast<float*>(scratch);
    std::int32_t offsets[kShort];
    for (int d = 0; d < p.depth; ++d) offsets[d] = d * kColumns;
    Product gathered = p;
    gathered.x.offsets = offsets;
    const Range stored = stored_columns(p.columns, columns);
    const int size = p.depth * kColumns, step = kNearTiles / (size * static_cast<int>(sizeof(float))) * kColumns;
    for (int first = stored.begin; first < stored.end; first += step) {
      const int end = stored.end - first < step ? stored.end : first + step;
      gather_columns<kColumns>(p, first, end - first, p.depth, tiles);
      for (int row = rows.begin; row < rows.end; row += kRows) {
        const int in_panel = row % V::kLanes;
        const float* const w = packed + static_cast<std::ptrdiff_t>(row - in_panel) * p.depth + in_panel;
        const float* tile = tiles;
        for (int column = first; column < end; column += kColumns, tile += size) {
          const int count = end - column < kColumns ? end - column : kColumns;
          gathered.x.data = tile;
          gathered.y = p.y + column;
          gathered.epilogue.residual = p.epilogue.residual ? p.epilogue.residual + column : nullptr;
          gathered.columns = {count, 1, 1};
          ColumnLanes<V, kRows, kVectors>::run(w, row, rows.end - row, 0, count, gathered);
        }
      }
    }
  }

 private:
  // `columns` are stored ones.
  static void multiply_chunk(const float* packed, const Product& p, Range rows, Range columns, float* tile,
                             float* sums) {
    const std::ptrdiff_t sums_of_tile = static_cast<std::ptrdiff_t>(rows_at_once(rows.size())) * kColumns;
    const auto each_tile = [&](auto run) {
      float* at = sums;
      for (int column = columns.begin; column < columns.end; column += kColumns, at += sums_of_tile) {
        const int left = columns.end - column;
        run(column, left < kColumns ? left : kColumns, at);
      }
    };
    for (int d = 0; d < p.depth; d += kDepth) {
      Product block = p;
      block.x.offsets += d;
      block.depth = p.depth - d < kDepth ? p.depth - d : kDepth;
      const float* const w = packed + static_cast<std::ptrdiff_t>(rows.begin) * p.depth + d * V::kLanes;
      each_tile([&](int column, int count, float* at) {
        gather_columns<kColumns>(block, column, count, block.depth, tile);
        add_block<kVectors>(w, p.depth, tile, block.depth, d == 0, rows.size(), count, at);
      });
    }
    each_tile([&](int column, int count, float* at) {
      store_gathered<V>(at, kColumns, column, count, rows.begin, rows.size(), p);
    });
  }

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
