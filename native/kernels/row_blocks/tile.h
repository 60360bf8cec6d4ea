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

// Where a tile's last band puts its sums.
struct Target {
  const Product* product;
  int begin, count;  // stored columns
  int rows_end;
};

template <class V, int kBlockRows, int kRows, int kVectors>
struct RowBlocksTile {
  static constexpr int kColumns = kVectors * V::kLanes;
  static_assert(kBlockRows % kRows == 0, "a block is worked through in whole parts");

  template <int kUsed>
  using Sums = typename V::Float[kRows][kUsed];

  // sums += the blocks [begin, end), rows first_row + 0 ... kRows - 1 of them.
  template <class Read, int kUsed>
  static inline __attribute__((always_inline)) void add(const RowBlocksView& w, std::size_t begin,
                                                        std::size_t end, int first_row, const float* panel,
                                                        Sums<kUsed>& sums) {
    for (std::size_t block = begin; block < end; ++block) {
      const float* const at = panel + w.index8[block] * kColumns;
      typename V::Float columns[kUsed];
#pragma GCC unroll 8
      for (int v = 0; v < kUsed; ++v) columns[v] = V::load(at + v * V::kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const auto weight = V::fill(Read::at(w, block * kBlockRows + first_row + r));
#pragma GCC unroll 8
        for (int v = 0; v < kUsed; ++v) sums[r][v] = V::fma(weight, columns[v], sums[r][v]);
      }
    }
  }

  template <int kUsed>
  static inline __attribute__((always_inline)) void finish(const Target& to, int row, Sums<kUsed>& sums) {
    const Product& p = *to.product;
    const Epilogue& e = p.epilogue;
    const int rest = to.count - (kUsed - 1) * V::kLanes;
    const auto mask = V::first(rest);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      if (row + r >= to.rows_end) return;
      const auto scale = V::fill(e.scale ? e.scale[row + r] : 1.0f);
      const auto bias = V::fill(e.bias ? e.bias[row + r] : 0.0f);
      const std::ptrdiff_t first = (row + r) * p.y_stride + to.begin;
#pragma GCC unroll 8
      for (int v = 0; v < kUsed; ++v) {
        const std::ptrdiff_t at = first + v * V::kLanes;
        const bool whole = v < kUsed - 1 || rest == V::kLanes;
        const auto residual = !e.residual ? V::zero()
                              : whole     ? V::load(e.residual + at)
                                          : V::load(e.residual + at, mask);
        const auto y = finished<V>(sums[r][v], e, scale, bias, residual);
        if (whole) {
          V::store(p.y + at, y);
        } else {
          V::store_first(p.y + at, rest, y);
        }
      }
    }
  }

  // One band for all groups of a chunk of rows. `waiting`: sums that the bands so far have made. Which band
  // it is costs two branches a group; as template parameters they would make the code four times as large.
  template <class Read, int kUsed>
  static void add_band(const RowBlocksView& w, int band, Range groups, const float* panel, float* waiting,
                       const Target& to) {
    const std::uint32_t* const start = w.start + static_cast<std::size_t>(band) * w.groups;
    const bool is_first = band == 0, is_last = band == w.bands - 1;
    for (int group = groups.begin; group < groups.end; ++group) {
      for (int row = 0; row < kBlockRows; row += kRows, waiting += kRows * kColumns) {
        Sums<kUsed> sums;
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
          for (int v = 0; v < kUsed; ++v) {
            sums[r][v] = is_first ? V::zero() : V::load(waiting + r * kColumns + v * V::kLanes);
          }
        }
        add<Read, kUsed>(w, start[group], start[group + 1], row, panel, sums);
        if (is_last) {
          finish<kUsed>(to, group * kBlockRows + row, sums);
        } else {
#pragma GCC unroll 8
          for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
            for (int v = 0; v < kUsed; ++v) V::store(waiting + r * kColumns + v * V::kLanes, sums[r][v]);
          }
        }
      }
    }
  }

  template <class Read, int kUsed>
  static void use(const RowBlocksView& w, int used, int band, Range groups, const float* panel,
                  float* waiting, const Target& to) {
    if constexpr (kUsed > 1) {
      if (used < kUsed) return use<Read, kUsed - 1>(w, used, band, groups, panel, waiting, to);
    }
    add_band<Read, kUsed>(w, band, groups, panel, waiting, to);
  }

  // A tile of stored columns for one chunk of rows.
  template <class Read>
  static void tile(const RowBlocksView& w, const Product& p, Range rows, int begin, int count,
                   float* scratch) {
    float* const panel = scratch;
    float* const waiting = scratch + w.band_depth * kColumns + kAlignment / sizeof(float);
    const Runs<kColumns> runs(p.columns, begin, count);
    const Range groups{rows.begin / kBlockRows, (rows.end + kBlockRows - 1) / kBlockRows};
    const Target to{&p, begin, count, rows.end};
    for (int band = 0; band < w.bands; ++band) {
      const int first = band * w.band_depth, left = w.depth - first;
      pack_panel<V>(static_cast<const float*>(p.x.data), p.x.offsets + first,
                    left < w.band_depth ? left : w.band_depth, runs, kColumns, panel);
      use<Read, kVectors>(w, (count + V::kLanes - 1) / V::kLanes, band, groups, panel, waiting, to);
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
