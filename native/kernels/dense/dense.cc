#include "kernels/dense/dense.h"

#include <algorithm>

#include "kernels/aligned.h"
#include "kernels/dispatch.h"

namespace featherweight::kernels {

std::size_t dense_packed_size(int rows, int depth, int row_tile) {
  return static_cast<std::size_t>((rows + row_tile - 1) / row_tile) * row_tile * depth;
}

void dense_pack(const float* weights, std::ptrdiff_t stride, std::ptrdiff_t step, int rows, int depth,
                int row_tile, float* packed) {
  for (int first = 0; first < rows; first += row_tile) {
    const int count = std::min(row_tile, rows - first);
    for (int d = 0; d < depth; ++d) {
      for (int r = 0; r < row_tile; ++r) {
        *packed++ = r < count ? weights[(first + r) * stride + d * step] : 0.0f;
      }
    }
  }
}

namespace {

class DenseMatrix final : public Matrix {
 public:
  DenseMatrix(const float* weights, int rows, int depth)
      : rows_(rows), depth_(depth), kernels_(active_kernels().dense),
        packed_(aligned_array<float>(dense_packed_size(rows, depth, kernels_.row_tile))) {
    dense_pack(weights, depth, 1, rows, depth, kernels_.row_tile, packed_.get());
  }

  const char* format() const override { return "dense"; }
  std::size_t bytes() const override {
    return dense_packed_size(rows_, depth_, kernels_.row_tile) * sizeof(float);
  }
  int row_tile() const override { return kernels_.row_tile; }
  bool suits_caches() const override { return true; }
  std::size_t scratch_bytes() const override {
    return kernels_.scratch_bytes ? kernels_.scratch_bytes(rows_, depth_) : 0;
  }
  std::size_t vector_scratch_bytes() const override { return 0; }

  void multiply(const Product& product, Range rows, Range columns, void* scratch) const override {
    kernels_.multiply(packed_.get(), product, rows, columns, scratch);
  }
  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void*) const override {
    kernels_.multiply_vector(packed_.get(), depth_, x, y, epilogue, rows);
  }

 private:
  int rows_, depth_;
  const DenseKernels& kernels_;
  AlignedArray<float> packed_;
};

}  // namespace

std::unique_ptr<Matrix> make_dense(const float* weights, int rows, int depth) {
  return std::make_unique<DenseMatrix>(weights, rows, depth);
}

}  // namespace featherweight::kernels
