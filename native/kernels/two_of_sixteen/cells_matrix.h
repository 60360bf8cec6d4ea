// A matrix of cells: what two_of_sixteen is, and what slots adds its overflow to.
#pragma once

#include "kernels/matrix.h"
#include "kernels/two_of_sixteen/cells.h"

namespace featherweight::kernels {

class CellsMatrix : public Matrix {
 public:
  // `exact`: in float32, which needs narrow entries. Throws std::invalid_argument if they are wide.
  CellsMatrix(const SparseWeights& weights, bool exact);

  std::string detail() const override { return cells_.view().wide ? "entries of two bytes" : "entries of one byte"; }
  std::size_t bytes() const override { return cells_.bytes(); }
  int row_tile() const override { return kCellRows; }
  std::size_t scratch_bytes() const override;
  bool multiplies_columns() const override { return false; }
  void multiply(const Product&, Range, Range, void*) const override;  // throws std::logic_error
  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void* scratch) const override;

 protected:
  const Cells& cells() const { return cells_; }
  bool exact() const { return exact_; }

 private:
  // Adds what is not in the cells; sums[0] is that of row rows.begin.
  virtual void add_rest(const std::int8_t*, Range, std::int32_t*) const {}
  virtual void add_rest(const float*, Range, float*) const {}

  std::size_t padded_depth() const { return (static_cast<std::size_t>(depth_) + 63) / 64 * 64; }

  int rows_, depth_;
  bool exact_;
  const CellsKernels& kernels_;
  Cells cells_;
};

}  // namespace featherweight::kernels
