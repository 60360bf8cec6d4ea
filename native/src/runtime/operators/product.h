// Products of a matrix that is computed with another matrix, or with dense weights and many rows.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/dense/dense.h"
#include "runtime/plan.h"

namespace featherweight::runtime {

// y [rows x columns] = a [rows x depth] * b [depth x columns], both as they lie in memory. Row tiles of
// `a` are packed on the way.
class DenseProduct {
 public:
  DenseProduct(std::int64_t rows, std::int64_t depth, std::int64_t columns);

  std::size_t scratch_bytes(int threads) const;
  // `a_stride` is that of a row of `a`, `a_step` that of an element; the epilogue is that of row 0.
  void run(const float* a, std::int64_t a_stride, std::int64_t a_step, const float* b, float* y,
           const kernels::Epilogue& epilogue, unsigned char* scratch, ThreadPool& pool) const;

 private:
  std::size_t thread_bytes() const;

  int rows_, depth_, columns_;
  const kernels::DenseKernels& kernels_;
  std::vector<std::int32_t> offsets_;
};

}  // namespace featherweight::runtime
