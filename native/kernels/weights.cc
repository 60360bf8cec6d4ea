#include "kernels/weights.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>

namespace featherweight::kernels {

SparseFromDense::SparseFromDense(const float* weights, int rows, int depth) : rows_(rows), depth_(depth) {
  if (depth > 65536) {
    throw std::invalid_argument("sparse weights have at most 65536 columns, but got " +
                                std::to_string(depth));
  }
  std::set<float> different;
  row_start_.push_back(0);
  for (int row = 0; row < rows; ++row) {
    for (int d = 0; d < depth; ++d) {
      const float value = weights[static_cast<std::ptrdiff_t>(row) * depth + d];
      if (value == 0.0f) continue;
      columns_.push_back(static_cast<std::uint16_t>(d));
      values_.push_back(value);
      if (different.size() <= 256) different.insert(value);
    }
    row_start_.push_back(static_cast<std::uint32_t>(columns_.size()));
  }
  if (different.size() > 256) return;
  codebook_.assign(different.begin(), different.end());
  for (const float value : values_) {
    const auto at = std::lower_bound(codebook_.begin(), codebook_.end(), value);
    codes_.push_back(static_cast<std::uint8_t>(at - codebook_.begin()));
  }
}

SparseWeights SparseFromDense::view() const {
  SparseWeights w;
  w.rows = rows_;
  w.depth = depth_;
  w.row_start = row_start_.data();
  w.columns = columns_.data();
  if (!codebook_.empty()) {
    w.codes = codes_.data();
    w.codebook = codebook_.data();
    w.codebook_size = static_cast<int>(codebook_.size());
  } else {
    w.values = values_.data();
  }
  return w;
}

}  // namespace featherweight::kernels
