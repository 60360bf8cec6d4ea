// The specification of products with row blocks: sums in the order of the rows of X, in float32.
// Included by scalar.cc of csr and of blocks.
#pragma once

#include "kernels/finish_scalar.h"
#include "kernels/row_blocks/row_blocks.h"

namespace featherweight::kernels {
namespace {

float weight_of(const RowBlocksView& w, std::size_t at) {
  switch (w.stored) {
    case Stored::values: return w.values[at];
    case Stored::codes8: return w.codebook[w.codes[at]];
    case Stored::codes4: return w.codebook[w.codes[at / 2] >> at % 2 * 4 & 15];
  }
  return 0.0f;
}

// The sum of one row, where at(d) is element d of a column of X.
template <class Column>
float row_sum(const RowBlocksView& w, int row, Column at) {
  float sum = 0.0f;
  for (int band = 0; band < w.bands; ++band) {
    const std::size_t cell = static_cast<std::size_t>(band) * w.groups + row / w.block_rows;
    for (std::size_t block = w.start[cell]; block < w.start[cell + 1]; ++block) {
      const int d = band * w.band_depth + (w.index8 ? w.index8[block] : w.index16[block]);
      sum += weight_of(w, block * w.block_rows + row % w.block_rows) * at(d);
    }
  }
  return sum;
}

void multiply(const RowBlocksView& w, const Product& p, Range rows, Range columns, float*) {
  const auto* const x = static_cast<const float*>(p.x.data);
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      if (!p.columns.wanted(column)) continue;
      const float sum = row_sum(w, row, [&](int d) { return x[p.x.offsets[d] + column]; });
      const std::ptrdiff_t at = row * p.y_stride + p.columns.stored(column);
      p.y[at] = finished(sum, p.epilogue, row, at);
    }
  }
}

void multiply_vector(const RowBlocksView& w, const float* x, float* y, const Epilogue& epilogue,
                     Range rows, float*) {
  for (int row = rows.begin; row < rows.end; ++row) {
    y[row] = finished(row_sum(w, row, [&](int d) { return x[d]; }), epilogue, row, row);
  }
}

}  // namespace
}  // namespace featherweight::kernels
