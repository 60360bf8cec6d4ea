// The wanted columns of X, gathered: a tile of the product lies in one piece, whatever the plane's
// padding. It is one pass over a tile that all rows of W then read.
#pragma once

#include <cstring>

#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {  // every file compiles its own copy with its own flags

// The stored columns that a range of columns holds.
Range stored_columns(const Columns& columns, Range range) {
  const auto stored = [&](int column) {
    const int in_group = column % columns.pitch;
    return column / columns.pitch * columns.width + (in_group < columns.width ? in_group : columns.width);
  };
  return {stored(range.begin), stored(range.end)};
}

// Writes tile[d * kTile + i], the word of row d and stored column first + i; zeros beyond `count` and
// in rows `depth` ... `depth_filled - 1`.
template <int kTile>
void gather_columns(const Product& p, int first, int count, int depth_filled, void* tile_of_words) {
  auto* const tile = static_cast<std::uint32_t*>(tile_of_words);
  const int width = p.columns.width, pitch = p.columns.pitch;
  for (int i = count < kTile ? 0 : p.depth * kTile; i < depth_filled * kTile; ++i) tile[i] = 0;
  for (int done = 0; done < count;) {
    const int column = first + done, in_group = column % width, left = count - done;
    const int run = width - in_group < left ? width - in_group : left;
    const auto* const x = static_cast<const std::uint32_t*>(p.x.data) + column / width * pitch + in_group;
    std::uint32_t* to = tile + done;
    for (int d = 0; d < p.depth; ++d, to += kTile) {
      const std::uint32_t* const from = x + p.x.offsets[d];
      if (run == kTile) {
        std::memcpy(to, from, kTile * 4);
        continue;
      }
      int i = 0;
      for (; i + 4 <= run; i += 4) std::memcpy(to + i, from + i, 16);
      for (; i < run; ++i) to[i] = from[i];
    }
    done += run;
  }
}

// Stores `rows` rows of a tile of stored columns, side by side in `sums`, a row's `pitch` after the one before.
template <class V>
void store_gathered(const float* sums, int pitch, int first, int count, int row, int rows, const Product& p) {
  Product stored = p;
  stored.columns = {first + count, 1, 1};
  store_rows_of<V>(sums, pitch, first, count, row, rows, stored);
}

}  // namespace
}  // namespace featherweight::kernels
