// Products with row blocks for every vector width: kRows rows of a block times kVectors vectors of
// columns in registers. X is packed band by band (panel.h); sums of a tile wait in `scratch` between bands.
#pragma once

#include "kernels/columns.h"
#include "kernels/finish.h"
#include "kernels/row_blocks/panel.h"
#include "kernels/row_blocks/row_blocks.h"

namespace featherweight::kernels {
namespace {

struct ReadValues {
  static float at(const RowBlocksView& w, std::size_t i) { return w.values[i]; }
};
struct ReadCodes8 {
  static float at(const RowBlocksView& w, std::size_t i) { return w.codebook[w.codes[i]]; }
};
struct ReadCodes4 {
  static float at(const RowBlocksView& w, std::size_t i) {
    return w.codebook[i % 2 == 0 ? w.codes[i / 2] & 15 : w.codes[i / 2] >> 4];
  }
};

// Where the rows of X of a band lie: copied side by side,
template <int kColumns>
struct Packed {
  static constexpr bool kIsMasked = false;
  const float* panel;
  const float* row(int d) const { return panel + d * kColumns; }
};
// or where they are.
struct InPlace {
  static constexpr bool kIsMasked = true;  // the last vector may not be whole
  const float* x;
  const std::int32_t* offsets;
  const float* row(int d) const { return x + offsets[d]; }
};

// `count` columns from `begin` on: stored ones where X is packed, else columns of X.
struct Part {
  const Product* product;
  Range rows;
  int begin, count;
};

template <class V, int kBlockRows, int kRows, int kVectors>
struct RowBlocksTile {
  static constexpr int kColumns = kVectors * V::kLanes;
  static_assert(kBlockRows % kRows == 0, "a block is worked through in whole parts");

  template <int kUsed>
  using Sums = typename V::Float[kRows][kUsed];

  // sums += the blocks [begin, end), rows first_row + 0 ... kRows - 1 of them.
  template <class Read, int kUsed, class X>
  static inline __attribute__((always_inline)) void add(const RowBlocksView& w, std::size_t begin,
                                                        std::size_t end, int first_row, const X x,
                                                        typename V::Mask last, Sums<kUsed>& sums) {
    for (std::size_t block = begin; block < end; ++block) {
      const float* const at = x.row(w.index8[block]);
      typename V::Float columns[kUsed];
#pragma GCC unroll 8
      for (int v = 0; v < kUsed; ++v) {
        const bool is_masked = X::kIsMasked && v == kUsed - 1;
        columns[v] = is_masked ? V::load(at + v * V::kLanes, last) : V::load(at + v * V::kLanes);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const auto weight = V::fill(Read::at(w, block * kBlockRows + first_row + r));
#pragma GCC unroll 8
        for (int v = 0; v < kUsed; ++v) sums[r][v] = V::fma(weight, columns[v], sums[r][v]);
      }
    }
  }

  // Stores whole vectors from registers.
  static inline __attribute__((always_inline)) void finish(const Part& part, int first_row,
                                                           const Sums<kVectors>& sums) {
    const Product& p = *part.product;
    const Epilogue& e = p.epilogue;
    const Finish<V> ending(e);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const int row = first_row + r;
      if (row >= part.rows.end) return;
      const auto scale = V::fill(e.scale ? e.scale[row] : 1.0f), bias = V::fill(e.bias ? e.bias[row] : 0.0f);
      const std::ptrdiff_t first = row * p.y_stride + part.begin;
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        const std::ptrdiff_t at = first + v * V::kLanes;
        V::store(p.y + at, ending(sums[r][v], scale, bias, e.residual ? V::load(e.residual + at) : V::zero()));
      }
    }
  }

  // One band of X for all rows of a part. `sums_of`: what the bands so far have made, [row][kColumns]. `finishes`: X is
  // packed, the part as wide as a tile, and this is its last band.
  template <class Read, int kUsed, class X>
  static void add_band(const RowBlocksView& w, int band, const X x, const Part& part, bool finishes, float* sums_of) {
    const std::uint32_t* const start = w.start + static_cast<std::size_t>(band) * w.groups;
    const auto last = V::first(part.count - (kUsed - 1) * V::kLanes);
    for (int first = part.rows.begin; first < part.rows.end; first += kBlockRows) {
      const std::uint32_t* const blocks = start + first / kBlockRows;
      for (int row = 0; row < kBlockRows; row += kRows, sums_of += kRows * kColumns) {
        Sums<kUsed> sums;
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
          for (int v = 0; v < kUsed; ++v) {
            sums[r][v] = band == 0 ? V::zero() : V::load(sums_of + r * kColumns + v * V::kLanes);
          }
        }
        add<Read, kUsed>(w, blocks[0], blocks[1], row, x, last, sums);
        if constexpr (kUsed == kVectors && !X::kIsMasked) {
          if (finishes) {
            finish(part, first + row, sums);
            continue;
          }
        }
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
          for (int v = 0; v < kUsed; ++v) V::store(sums_of + r * kColumns + v * V::kLanes, sums[r][v]);
        }
      }
    }
  }

  template <class Read, int kUsed, class X>
  static void use(const RowBlocksView& w, int band, const X x, const Part& part, bool finishes, float* sums) {
    if constexpr (kUsed > 1) {
      if (part.count <= (kUsed - 1) * V::kLanes) return use<Read, kUsed - 1>(w, band, x, part, finishes, sums);
    }
    add_band<Read, kUsed>(w, band, x, part, finishes, sums);
  }

  template <class Read>
  static void add_in_place(const RowBlocksView& w, const Part& part, float* sums) {
    const Product& p = *part.product;
    for (int band = 0; band < w.bands; ++band) {
      const InPlace x{static_cast<const float*>(p.x.data) + part.begin, p.x.offsets + band * w.band_depth};
      use<Read, kVectors>(w, band, x, part, false, sums);
    }
    store_rows_of<V>(sums, kColumns, part.begin, part.count, part.rows.begin, part.rows.size(), p);
  }

  template <class Read>
  static void add_packed(const RowBlocksView& w, const Part& part, float* panel, float* sums) {
    const Product& p = *part.product;
    const Runs<kColumns> runs(p.columns, part.begin, part.count);
    const bool is_whole = part.count == kColumns;
    for (int band = 0; band < w.bands; ++band) {
      const int first = band * w.band_depth, left = w.depth - first;
      pack_panel<V>(static_cast<const float*>(p.x.data), p.x.offsets + first,
                    left < w.band_depth ? left : w.band_depth, runs, kColumns, panel);
      use<Read, kVectors>(w, band, Packed<kColumns>{panel}, part, is_whole && band == w.bands - 1, sums);
    }
    if (!is_whole) {
      store_gathered<V>(sums, kColumns, part.begin, part.count, part.rows.begin, part.rows.size(), p);
    }
  }

  template <class Read>
  static void parts(const RowBlocksView& w, const Product& p, Range rows, Range columns, float* scratch) {
    // Rows of X that overlap, as those of a filter's taps do, take less of the cache where they are, if few columns are
    // unwanted. But for a block of one row there would be as many loads, across two lines each, as multiply-adds.
    const Range stored = stored_columns(p.columns, columns);
    const bool in_place = kInPlace && !p.columns.dense() && 3 * columns.size() <= 4 * stored.size();
    float* const panel = scratch;
    float* const sums = scratch + w.band_depth * kColumns + kAlignment / sizeof(float);
    const Range all = in_place ? columns : stored;
    for (int begin = all.begin; begin < all.end; begin += kColumns) {
      const int count = all.end - begin < kColumns ? all.end - begin : kColumns;
      for (int row = rows.begin; row < rows.end; row += kChunkRows) {
        const Part part{&p, {row, rows.end - row < kChunkRows ? rows.end : row + kChunkRows}, begin, count};
        if constexpr (kInPlace) {
          if (in_place) {
            add_in_place<Read>(w, part, sums);
            continue;
          }
        }
        add_packed<Read>(w, part, panel, sums);
      }
    }
  }
  static constexpr bool kInPlace = kBlockRows > 1 && !V::kMasksCost;

  static void multiply(const RowBlocksView& w, const Product& p, Range rows, Range columns, float* scratch) {
    switch (w.stored) {
      case Stored::values: return parts<ReadValues>(w, p, rows, columns, scratch);
      case Stored::codes8: return parts<ReadCodes8>(w, p, rows, columns, scratch);
      case Stored::codes4:
        if constexpr (kBlockRows > 1) parts<ReadCodes4>(w, p, rows, columns, scratch);  // else there are none
        return;
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
