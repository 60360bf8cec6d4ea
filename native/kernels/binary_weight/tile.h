// Products by tables of sums, for every vector width. The 16 sums of each group of four rows of X are
// computed once for a tile of columns; then a row of W costs one load and one addition for four
// multiply-adds. Groups go in blocks whose tables stay in the first cache, rows in chunks whose
// unfinished sums stay in the second.
#pragma once

#include "kernels/binary_weight/binary_weight.h"
#include "kernels/binary_weight/groups.h"
#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

template <class V, int kVectors, int kWords>
struct BinaryWeightTile {
  using Float = typename V::Float;
  static constexpr int kColumns = kVectors * V::kLanes;
  static constexpr int kGroups = kWords * kGroupsOfWord;
  static constexpr int kRows = 4, kChunk = 512;
  static constexpr int kEntry = kColumns * 4;  // bytes of one sum of a tile's columns
  static constexpr int kShift = kEntry == 128 ? 7 : 6;
  static_assert(kEntry == 1 << kShift);

  static std::size_t scratch_bytes(int rows, int) {
    const int chunk = rows < kChunk ? (rows + kPanel - 1) / kPanel * kPanel : kChunk;
    return sizeof(float) * kColumns * (static_cast<std::size_t>(kGroups) * kSums + static_cast<std::size_t>(chunk));
  }

  // The table of one group: table[v * kColumns ...], of rows d ... d + 3 of X; those beyond are zeros.
  static void make_table(const Product& p, int d, int column, int count, float* table) {
    for (int i = 0; i < kVectors; ++i, table += V::kLanes) {
      const int left = count - i * V::kLanes;
      const auto mask = V::first(left >= V::kLanes ? V::kLanes : left < 0 ? 0 : left);
      const auto* const x = static_cast<const float*>(p.x.data) + column + i * V::kLanes;
      Float row[kGroup], low[4], high[4];
      for (int k = 0; k < kGroup; ++k) {
        // The next tile's columns: wide planes lie pages apart, where no hardware foresees them.
        if (i == 0 && d + k < p.depth) __builtin_prefetch(x + p.x.offsets[d + k] + kColumns, 0, 2);
        row[k] = d + k < p.depth && left > 0 ? V::load(x + p.x.offsets[d + k], mask) : V::zero();
      }
      pairs(row[0], row[1], low);
      pairs(row[2], row[3], high);
#pragma GCC unroll 16
      for (int v = 0; v < kSums; ++v) V::store(table + v * kColumns, V::add(low[v % 4], high[v / 4]));
    }
  }

  // a + b, -a + b, a - b, -a - b.
  static void pairs(Float a, Float b, Float* out) {
    out[0] = V::add(a, b);
    out[1] = V::sub(b, a);
    out[2] = V::sub(a, b);
    out[3] = V::sub(V::sub(V::zero(), a), b);
  }

  // Adds a block's sums to those of kRows rows; `w`: a word of each row.
  [[gnu::noinline]] static void add_block(const std::uint32_t* w, int words, const float* table, float* sums) {
    Float acc[kRows][kVectors];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) acc[r][v] = V::load(sums + r * kColumns + v * V::kLanes);
    }
    const auto* at = reinterpret_cast<const unsigned char*>(table);
    for (int word = 0; word < words; ++word, w += kPanel) {
      const std::uint32_t bits[kRows] = {w[0], w[1], w[2], w[3]};
#pragma GCC unroll 8
      for (int g = 0; g < kGroupsOfWord; ++g, at += kSums * kEntry) {
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          constexpr std::uint32_t kMask = 15u << kShift;
          const std::uint32_t offset =
              (4 * g >= kShift ? bits[r] >> (4 * g - kShift) : bits[r] << (kShift - 4 * g)) & kMask;
          const auto* const entry = reinterpret_cast<const float*>(at + offset);
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) acc[r][v] = V::add(acc[r][v], V::load(entry + v * V::kLanes));
        }
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) V::store(sums + r * kColumns + v * V::kLanes, acc[r][v]);
    }
  }

  static void multiply(const std::uint32_t* packed, int words, const Product& p, Range rows, Range columns,
                       void* scratch) {
    auto* const table = static_cast<float*>(scratch);
    float* const sums = table + kGroups * kSums * kColumns;
    for (int column = columns.begin; column < columns.end; column += kColumns) {
      const int left = columns.end - column, count = left < kColumns ? left : kColumns;
      for (int first = rows.begin; first < rows.end; first += kChunk) {
        const int end = rows.end - first < kChunk ? rows.end : first + kChunk;
        multiply_chunk(packed, words, p, {first, end}, column, count, table, sums);
        store_rows_of<V>(sums, kColumns, column, count, first, end - first, p);
      }
    }
  }

  static void multiply_chunk(const std::uint32_t* packed, int words, const Product& p, Range rows, int column,
                             int count, float* table, float* sums) {
    const int filled = (rows.size() + kRows - 1) / kRows * kRows;
    for (int i = 0; i < filled * kColumns; i += V::kLanes) V::store(sums + i, V::zero());
    for (int word = 0; word < words; word += kWords) {
      const int used = words - word < kWords ? words - word : kWords;
      for (int g = 0; g < used * kGroupsOfWord; ++g) {
        make_table(p, word * 32 + g * kGroup, column, count, table + g * kSums * kColumns);
      }
      for (int row = rows.begin; row < rows.end; row += kRows) {
        const std::uint32_t* const w =
            packed + (static_cast<std::ptrdiff_t>(row / kPanel) * words + word) * kPanel + row % kPanel;
        add_block(w, used, table, sums + (row - rows.begin) * kColumns);
      }
    }
  }
};

// The 16 sums of a group, for `multiply_vector`.
void make_sums(const float* x, float* sums) {
  const float low[4] = {x[0] + x[1], x[1] - x[0], x[0] - x[1], -x[0] - x[1]};
  const float high[4] = {x[2] + x[3], x[3] - x[2], x[2] - x[3], -x[2] - x[3]};
#pragma GCC unroll 16
  for (int v = 0; v < kSums; ++v) sums[v] = low[v % 4] + high[v / 4];
}

}  // namespace
}  // namespace featherweight::kernels
