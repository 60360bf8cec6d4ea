// The layout that two_of_sixteen and slots share, and its kernels.
//
// A cell is 16 rows of W times 32 columns, four entries a row. A narrow entry is one byte: the position
// within a group of 16 columns in its low half, a code of the codebook in its high half; entries 0 and 1
// of a row belong to the cell's first group, 2 and 3 to its second. A wide entry is two bytes: the
// position within the 32 columns, and an 8-bit weight. Cells lie row tile by row tile, within it in
// rising order of columns, so that x is looked up in registers and the weights are read in one run.
// An entry that nothing needs has weight zero.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/product.h"
#include "kernels/weights.h"

namespace featherweight::kernels {

constexpr int kCellRows = 16, kCellColumns = 32, kCellEntries = 4;
constexpr int kCellBytes = kCellRows * kCellEntries;  // of narrow entries, or of one half of wide ones

struct CellsView {
  int tiles, cells;            // row tiles, and cells of each
  bool wide;                   // 64 positions, then 64 weights; else 64 narrow entries
  const std::uint8_t* data;    // cell c of tile t: (t * cells + c) * (wide ? 2 : 1) * kCellBytes
  const float* codebook;       // [16], of narrow entries
  const std::int8_t* rounded;  // [16]: codebook / scale
  const std::int32_t* totals;  // one a row: the sum of its 8-bit weights
};

// One instruction set's functions. Sums go to sums[0] for row rows.begin, up to a whole row tile.
struct CellsKernels {
  // q[i] = x[i] / scale rounded to the nearest (even) integer, scale = max |x| / 127; zeros from
  // `depth` to `padded` (a multiple of 64). Returns the scale: 0 if q is all zeros, NaN if an x is not
  // finite.
  float (*quantize)(const float* x, int depth, int padded, std::int8_t* q);
  // Exact: sums of products of 8-bit integers. The same on every instruction set.
  void (*sum)(const CellsView& w, const std::int8_t* q, Range rows, std::int32_t* sums);
  // In float32, of narrow entries. `x` has zeros up to a multiple of 32.
  void (*sum_exact)(const CellsView& w, const float* x, Range rows, float* sums);
  void (*store)(const float* sums, Range rows, float* y, const Epilogue& epilogue);
};

extern const CellsKernels kCellsScalar, kCellsAvx2, kCellsAvx512;

// Entries that found no place in their cell, row by row.
struct Overflow {
  std::vector<std::uint32_t> row_start;
  std::vector<std::uint16_t> columns;
  std::vector<std::int8_t> weights;  // 8-bit; or, for exact products:
  std::vector<std::uint8_t> codes;
};

class Cells {
 public:
  // Narrow where a codebook of at most 16 values does (one of them zero, unless every entry is used).
  // `exact`: the overflow keeps codes. It is of no use where entries are wide.
  Cells(const SparseWeights& weights, bool exact);

  CellsView view() const;
  const Overflow& overflow() const { return overflow_; }
  bool wide() const { return wide_; }
  float scale() const { return scale_; }  // of 8-bit weights
  std::size_t bytes() const;              // without the overflow

 private:
  void choose_entries(const SparseWeights& weights);
  void pack(const SparseWeights& weights, bool exact);
  void pack_entry(const SparseWeights& weights, int row, std::uint32_t entry, int slot);
  std::int8_t rounded(float value) const;

  int rows_, tiles_, cells_;
  bool wide_ = true;
  int zero_ = 0;  // code of unused narrow entries
  float scale_ = 0.0f;
  float codebook_[16] = {};
  std::int8_t rounded_[16] = {};
  AlignedArray<std::uint8_t> data_;
  std::vector<std::int32_t> totals_;
  Overflow overflow_;
};

}  // namespace featherweight::kernels
