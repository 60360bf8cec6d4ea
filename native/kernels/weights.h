// Sparse weights as the file's reader gives them, row by row: the one source of all sparse formats.
#pragma once

#include <cstdint>
#include <vector>

namespace featherweight::kernels {

// Row r keeps columns[row_start[r]] ... columns[row_start[r + 1] - 1], in rising order. The value of
// entry i is codebook[codes[i]] where there are codes, else values[i]. Pointers are borrowed.
struct SparseWeights {
  int rows = 0, depth = 0;  // depth <= 65,536
  const std::uint32_t* row_start = nullptr;
  const std::uint16_t* columns = nullptr;
  const std::uint8_t* codes = nullptr;
  const float* codebook = nullptr;
  int codebook_size = 0;
  const float* values = nullptr;

  std::uint32_t entries() const { return row_start[rows]; }
  float value(std::uint32_t entry) const { return codes ? codebook[codes[entry]] : values[entry]; }
};

// The same made from dense weights of which zeros are what is pruned. At most 256 different values
// become codes and a codebook in rising order.
class SparseFromDense {
 public:
  // `weights`: [rows][depth], copied. Throws std::invalid_argument if depth > 65,536.
  SparseFromDense(const float* weights, int rows, int depth);

  SparseWeights view() const;

 private:
  int rows_, depth_;
  std::vector<std::uint32_t> row_start_;
  std::vector<std::uint16_t> columns_;
  std::vector<std::uint8_t> codes_;
  std::vector<float> codebook_, values_;
};

}  // namespace featherweight::kernels
