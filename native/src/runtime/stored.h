// A stored sparse tensor as the kernels' row-by-row source, without ever being dense.
#pragma once

#include <optional>
#include <vector>

#include "featherweight/reader.h"
#include "kernels/weights.h"

namespace featherweight::runtime {

class StoredSparse {
 public:
  // Null if the tensor is not sparse, not of float32, or wider than the kernels' 16-bit columns.
  static std::optional<StoredSparse> read(const Tensor& tensor);

  // Rows [first, first + rows). The pointers live as long as this does and until the next call.
  kernels::SparseWeights rows(int first, int rows);

 private:
  int depth_ = 0;
  std::vector<std::uint32_t> row_start_, part_;
  std::vector<std::uint16_t> columns_;
  std::vector<std::uint8_t> codes_;
  std::vector<float> values_;  // or the codebook
};

// Kept blocks of `block_rows` rows over all of them.
double block_density(const kernels::SparseWeights& weights, int block_rows);

}  // namespace featherweight::runtime
