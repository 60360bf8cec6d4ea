// Weights that are read once a product come from memory, which serves several streams faster than one: rows far
// apart at once, so that each stream is a long run that the machine fetches ahead itself (rows side by side are
// new runs, one a row, for which it is always late). Included by files of one instruction set only.
#pragma once

#include "kernels/product.h"

namespace featherweight::kernels {
namespace {

// Tiles of rows that are read at once, from row, row + apart ...
template <int kTiles>
struct Streams {
  static constexpr int kCount = kTiles;
  int row, apart;

  int row_of(int tile) const { return row + tile * apart; }
};

// run(Streams) for kMost tiles of kTileRows rows, until fewer are left; then for the rest one by one.
template <int kMost, int kTileRows, class Run>
void in_streams(Range rows, const Run& run) {
  const int apart = rows.size() / (kMost * kTileRows) * kTileRows;
  for (int row = rows.begin; row < rows.begin + apart; row += kTileRows) run(Streams<kMost>{row, apart});
  for (int row = rows.begin + kMost * apart; row < rows.end; row += kTileRows) run(Streams<1>{row, 0});
}

inline void fetch_ahead(const void* p) { __builtin_prefetch(static_cast<const char*>(p) + 2048); }

}  // namespace
}  // namespace featherweight::kernels
