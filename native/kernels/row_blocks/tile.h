// Products with row blocks for every vector width: kRows rows of a block times kVectors vectors of
// columns in registers. X is packed band by band (panel.h); sums of a tile wait in `scratch` between bands.
#pragma once

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

template <class V, int kBlockRows, int kRows, int kVectors>
struct RowBlocksTile {
  static constexpr int kColumns = kVectors * V::kLanes;
  static_assert(kBlockRows % kRows == 0, "a block is worked through in whole parts");

  // out[r] = in[r] + sums over the blocks [begin, end), rows first_row + 0 ... kRows - 1 of them.
  template <class Read, int kUsed, bool kFirst>
  static void add(const RowBlocksView& w, std::size_t begin, std::size_t end, int first_row,
                  const float* panel, const float* in, float* out) {
    typename V::Float acc[kRows][kUsed];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kUsed; ++v) {
        acc[r][v] = kFirst ? V::zero() : V::load(in + r * kColumns + v * V::kLanes);
      }
    }
    for (std::size_t block = begin; block < end; ++block) {
      const float* const at = panel + w.index[block] * kColumns;
      typename V::Float columns[kUsed];
#pragma GCC unroll 8
      for (int v = 0; v < kUsed; ++v) columns[v] = V::load(at + v * V::kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const auto weight = V::fill(Read::at(w, block * kBlockRows + first_row + r));
#pragma GCC unroll 8
        for (int v = 0; v < kUsed; ++v) acc[r][v] = V::fma(weight, columns[v], acc[r][v]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kUsed; ++v) V::store(out + r * kColumns + v * V::kLanes, acc[r][v]);
    }
  }

  // One band for all groups of a chunk of rows.
  template <class Read, int kUsed, bool kFirst>
  static void add_band(const RowBlocksView& w, int band, Range groups, const float* panel, float* sums) {
    const std::uint32_t* const start = w.start + static_cast<std::size_t>(band) * w.groups;
    for (int group = groups.begin; group < groups.end; ++group) {
      for (int row = 0; row < kBlockRows; row += kRows, sums += kRows * kColumns) {
        add<Read, kUsed, kFirst>(w, start[group], start[group + 1], row, panel, sums, sums);
      }
    }
  }

  template <class Read, int kUsed>
  static void use(const RowBlocksView& w, int used, int band, Range groups, const float* panel, float* sums) {
    if constexpr (kUsed > 1) {
      if (used < kUsed) return use<Read, kUsed - 1>(w, used, band, groups, panel, sums);
    }
    if (band == 0) return add_band<Read, kUsed, true>(w, band, groups, panel, sums);
    add_band<Read, kUsed, false>(w, band, groups, panel, sums);
  }

  // A tile of stored columns for one chunk of rows.
  template <class Read>
  static void tile(const RowBlocksView& w, const Product& p, Range rows, int begin, int count, float* scratch) {
    float* const panel = scratch;
    float* const sums = scratch + w.band_depth * kColumns + V::kLanes;
    const Runs<kColumns> runs(p.columns, begin, count);
    const Range groups{rows.begin / kBlockRows, (rows.end + kBlockRows - 1) / kBlockRows};
    for (int band = 0; band < w.bands; ++band) {
      const int first = band * w.band_depth, left = w.depth - first;
      pack_panel<V>(static_cast<const float*>(p.x.data), p.x.offsets + first,
                    left < w.band_depth ? left : w.band_depth, runs, kColumns, panel);
      use<Read, kVectors>(w, (count + V::kLanes - 1) / V::kLanes, band, groups, panel, sums);
    }
    Product packed = p;
    packed.columns.pitch = packed.columns.width;
    for (int row = rows.begin; row < rows.end; ++row) {
      store_row<V>(sums + static_cast<std::ptrdiff_t>(row - rows.begin) * kColumns, begin, count, row, packed);
    }
  }

  template <class Read>
  static void tiles(const RowBlocksView& w, const Product& p, Range rows, Range columns, float* scratch) {
    const int end = wanted_before(p.columns, columns.end);
    for (int begin = wanted_before(p.columns, columns.begin); begin < end; begin += kColumns) {
      const int count = end - begin < kColumns ? end - begin : kColumns;
      for (int row = rows.begin; row < rows.end; row += kChunkRows) {
        const int last = rows.end - row < kChunkRows ? rows.end : row + kChunkRows;
        tile<Read>(w, p, {row, last}, begin, count, scratch);
      }
    }
  }

  static void multiply(const RowBlocksView& w, const Product& p, Range rows, Range columns, float* scratch) {
    switch (w.stored) {
      case Stored::values: return tiles<ReadValues>(w, p, rows, columns, scratch);
      case Stored::codes8: return tiles<ReadCodes8>(w, p, rows, columns, scratch);
      case Stored::codes4: return tiles<ReadCodes4>(w, p, rows, columns, scratch);
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
