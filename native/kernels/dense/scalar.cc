// The specification: sums in the order of the rows of X, in float32.
#include "kernels/dense/dense.h"
#include "kernels/finish_scalar.h"

namespace featherweight::kernels {
namespace {

constexpr int kRowTile = 4;

void multiply(const float* packed, const Product& p, Range rows, Range columns, void*) {
  const auto* const x = static_cast<const float*>(p.x.data);
  for (int row = rows.begin; row < rows.end; ++row) {
    const float* const w = packed + static_cast<std::ptrdiff_t>(row / kRowTile) * p.depth * kRowTile;
    for (int column = columns.begin; column < columns.end; ++column) {
      if (!p.columns.wanted(column)) continue;
      float sum = 0.0f;
      for (int d = 0; d < p.depth; ++d) {
        sum += w[d * kRowTile + row % kRowTile] * x[p.x.offsets[d] + column];
      }
      const std::ptrdiff_t at = row * p.y_stride + p.columns.stored(column);
      p.y[at] = finished(sum, p.epilogue, row, at);
    }
  }
}

void multiply_vector(const float* packed, int depth, const float* x, float* y,
                     const Epilogue& epilogue, Range rows) {
  for (int row = rows.begin; row < rows.end; ++row) {
    const float* const w = packed + static_cast<std::ptrdiff_t>(row / kRowTile) * depth * kRowTile;
    float sum = 0.0f;
    for (int d = 0; d < depth; ++d) sum += w[d * kRowTile + row % kRowTile] * x[d];
    y[row] = finished(sum, epilogue, row, row);
  }
}

}  // namespace

const DenseKernels kDenseScalar{kRowTile, multiply, multiply_vector, nullptr};

}  // namespace featherweight::kernels
