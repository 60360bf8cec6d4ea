// Tiles of X, gathered before all rows of W pass them: X is read once, in long runs, whatever the cache holds of it, and
// its own rows may lie pages apart. Included by files of one instruction set only.
#pragma once

#include "kernels/columns.h"
#include "kernels/int8/pack.h"

namespace featherweight::kernels {
namespace {

// As many tiles at once as kNear bytes hold, but at least kLeast.
template <int kRows, int kColumns, int kNear, int kLeast>
struct GatheredTiles {
  static int at_once(int depth) {
    const int fit = kNear / (depth * kColumns * static_cast<int>(sizeof(Int8x4)));
    return fit > kLeast ? fit : kLeast;
  }

  // With a row to spare.
  static std::size_t bytes(int depth) {
    return static_cast<std::size_t>(at_once(depth)) * kColumns * static_cast<std::size_t>(depth + 1) * sizeof(Int8x4);
  }

  // multiply_panel(product, row, part): kRows rows from `row` on, times the tiles of stored columns `part`, of which
  // `product` is.
  template <class MultiplyPanel>
  static void each_panel(const Product& p, Range rows, Range columns, Int8x4* tiles, MultiplyPanel&& multiply_panel) {
    const int block = at_once(p.depth) * kColumns;
    const Range wanted = stored_columns(p.columns, columns);
    Product stored = p;
    stored.columns = {wanted.end, p.columns.width, p.columns.width};
    for (int first = wanted.begin; first < wanted.end; first += block) {
      const Range part{first, wanted.end - first < block ? wanted.end : first + block};
      gather_columns<kColumns>(p, part.begin, part.size(), p.depth, tiles);
      for (int row = rows.begin; row < rows.end; row += kRows) multiply_panel(stored, row, part);
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
