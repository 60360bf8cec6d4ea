// Weights that are read once a product come from memory, which serves several streams faster than one: rows side
// by side, each with the lines fetched that it needs soon. Included by files of one instruction set only.
#pragma once

#include <type_traits>

#include "kernels/product.h"

namespace featherweight::kernels {
namespace {

// run(count, row) for `kMost` tiles of kTileRows rows at once, then for the rest one by one: `count` is a constant.
template <int kMost, int kTileRows, class Run>
void in_streams(Range rows, const Run& run) {
  int row = rows.begin;
  for (; row + kMost * kTileRows <= rows.end; row += kMost * kTileRows) run(std::integral_constant<int, kMost>(), row);
  for (; row < rows.end; row += kTileRows) run(std::integral_constant<int, 1>(), row);
}

inline void fetch_ahead(const void* p) { __builtin_prefetch(static_cast<const char*>(p) + 2048); }

}  // namespace
}  // namespace featherweight::kernels
