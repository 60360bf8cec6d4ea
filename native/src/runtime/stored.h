// Stored tensors as the kernels' sources, without ever being dense floats.
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

// Shared weights of which all are kept.
struct StoredCodes {
  // Null if the tensor is of another format or not of float32.
  static std::optional<StoredCodes> read(const Tensor& tensor);

  const std::uint8_t* row(int row) const { return codes.data() + static_cast<std::size_t>(row) * depth; }

  std::size_t depth = 0;
  std::vector<std::uint8_t> codes;
  std::vector<float> codebook;
};

// Kept blocks of `block_rows` rows over all of them.
double block_density(const kernels::SparseWeights& weights, int block_rows);

}  // namespace featherweight::runtime
