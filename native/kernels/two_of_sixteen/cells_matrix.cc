#include "kernels/two_of_sixteen/cells_matrix.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "kernels/dispatch.h"

namespace featherweight::kernels {

CellsMatrix::CellsMatrix(const SparseWeights& weights, bool exact)
    : rows_(weights.rows), depth_(weights.depth), exact_(exact), kernels_(active_kernels().cells),
      cells_(weights, exact) {
  if (exact && cells_.wide()) {
    throw std::invalid_argument("exact products need a codebook of at most 15 values beside zero, but got " +
                                (weights.codes ? std::to_string(weights.codebook_size) + " values"
                                               : std::string("weights without a codebook")));
  }
}

// First x (as integers, or padded), then the sums of a range of rows.
std::size_t CellsMatrix::scratch_bytes() const {
  const std::size_t sums = (static_cast<std::size_t>(rows_) + kCellRows) * sizeof(float);
  return padded_depth() * (exact_ ? sizeof(float) : 1) + sums;
}

void CellsMatrix::multiply(const Product&, Range, Range, void*) const {
  throw std::logic_error(std::string(format()) + " weights only multiply vectors");
}

void CellsMatrix::multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                                  void* scratch) const {
  const CellsView w = cells_.view();
  if (exact_) {
    auto* const padded = static_cast<float*>(scratch);
    auto* const sums = padded + padded_depth();
    std::fill(std::copy(x, x + depth_, padded), padded + padded_depth(), 0.0f);
    kernels_.sum_exact(w, padded, rows, sums);
    add_rest(padded, rows, sums);
    return kernels_.store(sums, rows, y, epilogue);
  }
  auto* const q = static_cast<std::int8_t*>(scratch);
  auto* const sums = reinterpret_cast<std::int32_t*>(q + padded_depth());
  auto* const scaled = reinterpret_cast<float*>(sums);  // in place
  const float scale = kernels_.quantize(x, depth_, static_cast<int>(padded_depth()), q) * cells_.scale();
  kernels_.sum(w, q, rows, sums);
  add_rest(q, rows, sums);
  for (int i = 0; i < rows.size(); ++i) {
    const std::int32_t sum = sums[i];
    scaled[i] = static_cast<float>(sum) * scale;
  }
  kernels_.store(scaled, rows, y, epilogue);
}

}  // namespace featherweight::kernels
