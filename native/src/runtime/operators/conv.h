// Convolutions of float32 planes, for operators that bring weights of their own.
#pragma once

#include <algorithm>
#include <functional>

#include "runtime/epilogue.h"
#include "runtime/planes.h"
#include "runtime/weights.h"

namespace featherweight::runtime {

Window conv_window(const Model& model, const Node& node);

// How a product is cut into pieces that threads take, rows before columns.
struct Pieces {
  int rows, columns;          // how many
  int each_row, each_column;  // of a piece; the last ones are smaller

  int count() const { return rows * columns; }
  kernels::Range row_range(int piece, int all) const { return range(piece % rows, each_row, all); }
  kernels::Range column_range(int piece, int all) const { return range(piece / rows % columns, each_column, all); }

 private:
  static kernels::Range range(int at, int each, int all) { return {at * each, std::min(all, (at + 1) * each)}; }
};

// `column_bytes`: what a column of X takes in the cache, where the matrix does not see to that itself.
Pieces cut(const kernels::Matrix& matrix, std::int64_t rows, int columns, std::int64_t column_bytes, int threads);

// The weights of some rows: of one group.
using MakeWeights = std::function<Weights(kernels::Range rows)>;

void build_conv_of(Plan& plan, const Node& node, const LayerEnd& end, const MakeWeights& make);

}  // namespace featherweight::runtime
