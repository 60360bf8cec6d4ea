// Dense float32 weights.
#pragma once

#include <memory>

#include "kernels/matrix.h"

namespace featherweight::kernels {

// One instruction set's functions. Weights are packed in panels of `row_tile` rows, as many as a vector
// has lanes: packed[(row / row_tile * depth + d) * row_tile + row % row_tile], the last panel filled with
// zeros.
struct DenseKernels {
  int row_tile;
  // `scratch` may be null: a product that is made once has none.
  void (*multiply)(const float* packed, const Product& product, Range rows, Range columns, void* scratch);
  void (*multiply_vector)(const float* packed, int depth, const float* x, float* y,
                          const Epilogue& epilogue, Range rows);
  std::size_t (*scratch_bytes)(int rows, int depth);  // null: none
};

extern const DenseKernels kDenseScalar, kDenseAvx2, kDenseAvx512;

// Elements of the packed weights.
std::size_t dense_packed_size(int rows, int depth, int row_tile);
// `stride` is that of a row of `weights`; `step` that of an element within a row.
void dense_pack(const float* weights, std::ptrdiff_t stride, std::ptrdiff_t step, int rows, int depth,
                int row_tile, float* packed);

// `weights`: [rows][depth], copied.
std::unique_ptr<Matrix> make_dense(const float* weights, int rows, int depth);

}  // namespace featherweight::kernels
