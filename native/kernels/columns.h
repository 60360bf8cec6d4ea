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

// Tiles of kTile columns, one after the other: tile[d * kTile + i] is the word of row d and stored column i of the
// tile's, which are `first` and on; zeros in rows `depth` ... `depth_filled - 1` and beyond the `count` columns of all
// tiles. A row of X is read in one run for many tiles, a page or a power of two away from the next.
template <int kTile>
void gather_columns(const Product& p, int first, int count, int depth_filled, void* tiles) {
  struct Piece {  // of a row: within a tile, and within a line of the plane
    int from, to, count;
  };
  constexpr int kPieces = 32;
  Piece pieces[kPieces];
  auto* const words = static_cast<std::uint32_t*>(tiles);
  const bool is_one_line = p.columns.dense();
  const int width = is_one_line ? first + count : p.columns.width, pitch = is_one_line ? width : p.columns.pitch;
  const int size = depth_filled * kTile;
  for (int begin = 0; begin < count; begin += kTile) {
    std::uint32_t* const tile = words + begin / kTile * size;
    for (int i = count - begin < kTile ? 0 : p.depth * kTile; i < size; ++i) tile[i] = 0;
  }
  for (int done = 0; done < count;) {
    int found = 0;
    for (; done < count && found < kPieces; ++found) {
      const int column = first + done, in_line = column % width, in_tile = done % kTile, left = count - done;
      const int of_line = width - in_line < left ? width - in_line : left;
      const int run = kTile - in_tile < of_line ? kTile - in_tile : of_line;
      pieces[found] = {column / width * pitch + in_line, done / kTile * size + in_tile, run};
      done += run;
    }
    for (int d = 0; d < p.depth; ++d) {
      const auto* const x = static_cast<const std::uint32_t*>(p.x.data) + p.x.offsets[d];
      std::uint32_t* const row = words + d * kTile;
      for (int piece = 0; piece < found; ++piece) {
        const auto [at, to, run] = pieces[piece];
        if (run == kTile) {
          std::memcpy(row + to, x + at, kTile * 4);
          continue;
        }
        int i = 0;
        for (; i + 16 <= run; i += 16) std::memcpy(row + to + i, x + at + i, 64);
        for (; i + 4 <= run; i += 4) std::memcpy(row + to + i, x + at + i, 16);
        for (; i < run; ++i) row[to + i] = x[at + i];
      }
    }
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
