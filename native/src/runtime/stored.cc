#include "runtime/stored.h"

#include <algorithm>
#include <cstring>

namespace featherweight::runtime {
namespace {

constexpr std::uint64_t kMaxDepth = 65536;

std::vector<float> floats(const Block& block) {
  std::vector<float> values(block.symbols);
  if (block.symbols > 0) std::memcpy(values.data(), block.data, block.symbols * sizeof(float));
  return values;
}

}  // namespace

std::optional<StoredSparse> StoredSparse::read(const Tensor& tensor) {
  const bool is_sparse = tensor.find(Role::positions) != nullptr && tensor.dtype == DType::float32;
  if (!is_sparse || tensor.shape.empty() || tensor.shape[0] == 0 || tensor.elements == 0) return std::nullopt;
  const std::uint64_t depth = tensor.elements / tensor.shape[0];
  if (depth > kMaxDepth || tensor.shape[0] > INT32_MAX || tensor.kept() > UINT32_MAX) return std::nullopt;
  StoredSparse sparse;
  sparse.depth_ = static_cast<int>(depth);
  sparse.row_start_.resize(tensor.shape[0] + 1);
  sparse.columns_.resize(tensor.kept());
  decode_rows(tensor, sparse.row_start_.data(), sparse.columns_.data());
  if (const Block* const codebook = tensor.find(Role::codebook)) {
    sparse.values_ = floats(*codebook);
    sparse.codes_.resize(tensor.kept());
    decode_codes(tensor, sparse.codes_.data());
  } else {
    sparse.values_ = floats(*tensor.find(Role::values));
  }
  return sparse;
}

kernels::SparseWeights StoredSparse::rows(int first, int rows) {
  const std::uint32_t begin = row_start_[first];
  part_.assign(row_start_.begin() + first, row_start_.begin() + first + rows + 1);
  for (std::uint32_t& start : part_) start -= begin;
  kernels::SparseWeights weights;
  weights.rows = rows;
  weights.depth = depth_;
  weights.row_start = part_.data();
  weights.columns = columns_.data() + begin;
  if (codes_.empty()) {
    weights.values = values_.data() + begin;
  } else {
    weights.codes = codes_.data() + begin;
    weights.codebook = values_.data();
    weights.codebook_size = static_cast<int>(values_.size());
  }
  return weights;
}

double block_density(const kernels::SparseWeights& w, int block_rows) {
  std::vector<int> seen(static_cast<std::size_t>(w.depth), -1);
  std::int64_t blocks = 0;
  const int groups = (w.rows + block_rows - 1) / block_rows;
  for (int row = 0; row < w.rows; ++row) {
    for (std::uint32_t i = w.row_start[row]; i < w.row_start[row + 1]; ++i) {
      int& group = seen[w.columns[i]];
      blocks += group != row / block_rows;
      group = row / block_rows;
    }
  }
  return static_cast<double>(blocks) / (static_cast<double>(groups) * w.depth);
}

}  // namespace featherweight::runtime
