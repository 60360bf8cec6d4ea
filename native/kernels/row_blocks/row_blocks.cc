#include "kernels/row_blocks/row_blocks.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace featherweight::kernels {
namespace {

constexpr std::size_t kReadBeyond = 64;

// Calls block(column, first) for every block of a group in rising order of columns, then
// weight(row in group, entry) for each weight it keeps.
template <class Block, class Weight>
void for_each_block(const SparseWeights& w, int group, int block_rows, Block block, Weight weight) {
  const int first = group * block_rows, count = std::min(block_rows, w.rows - first);
  std::uint32_t at[8];
  std::copy(w.row_start + first, w.row_start + first + count, at);
  for (;;) {
    int column = w.depth;
    for (int r = 0; r < count; ++r) {
      if (at[r] < w.row_start[first + r + 1]) column = std::min<int>(column, w.columns[at[r]]);
    }
    if (column == w.depth) return;
    block(column);
    for (int r = 0; r < count; ++r) {
      if (at[r] < w.row_start[first + r + 1] && w.columns[at[r]] == column) weight(r, at[r]++);
    }
  }
}

template <class T>
AlignedArray<T> zeros(std::size_t count) {
  auto array = aligned_array<T>(count + kReadBeyond);
  std::memset(array.get(), 0, (count + kReadBeyond) * sizeof(T));
  return array;
}

}  // namespace

RowBlocks::RowBlocks(const SparseWeights& weights, int block_rows, int band_depth)
    : rows_(weights.rows), depth_(weights.depth), block_rows_(block_rows), band_depth_(band_depth),
      groups_((rows_ + block_rows - 1) / block_rows), bands_((depth_ + band_depth - 1) / band_depth) {
  pack_index(weights);
  pack_weights(weights);
}

void RowBlocks::pack_index(const SparseWeights& weights) {
  const std::size_t cells = static_cast<std::size_t>(bands_) * groups_;
  start_ = zeros<std::uint32_t>(cells + 1);
  for (int group = 0; group < groups_; ++group) {
    for_each_block(weights, group, block_rows_,
                   [&](int column) { ++start_[column / band_depth_ * groups_ + group + 1]; },
                   [](int, std::uint32_t) {});
  }
  for (std::size_t i = 0; i < cells; ++i) start_[i + 1] += start_[i];
  index_ = zeros<std::uint8_t>(start_[cells]);
}

void RowBlocks::pack_weights(const SparseWeights& weights) {
  const std::size_t cells = static_cast<std::size_t>(bands_) * groups_;
  const std::size_t size = static_cast<std::size_t>(start_[cells]) * block_rows_;
  // Weights that a kept block's rows do not have are zero, and so is a code they all can name.
  int zero = weights.codebook_size;
  if (weights.codes != nullptr) {
    const float* const end = weights.codebook + weights.codebook_size;
    zero = static_cast<int>(std::find(weights.codebook, end, 0.0f) - weights.codebook);
    if (size == weights.entries()) zero = 0;  // nobody asks for it
    codebook_size_ = std::max(weights.codebook_size, zero + 1);
    if (codebook_size_ <= 256) {
      stored_ = codebook_size_ <= 16 && block_rows_ > 1 ? Stored::codes4 : Stored::codes8;
      codebook_ = zeros<float>(256);
      std::copy(weights.codebook, end, codebook_.get());
    }
  }
  if (stored_ == Stored::values) values_ = zeros<float>(size);
  if (stored_ == Stored::codes8) codes_ = zeros<std::uint8_t>(size);
  if (stored_ == Stored::codes4) codes_ = zeros<std::uint8_t>(size / 2);
  if (stored_ != Stored::values) {
    std::memset(codes_.get(), stored_ == Stored::codes4 ? zero * 17 : zero,
                stored_ == Stored::codes4 ? size / 2 : size);
  }
  std::vector<std::uint32_t> next(start_.get(), start_.get() + cells);
  for (int group = 0; group < groups_; ++group) {
    std::size_t block = 0;
    for_each_block(
        weights, group, block_rows_,
        [&](int column) {
          block = next[column / band_depth_ * groups_ + group]++;
          index_[block] = static_cast<std::uint8_t>(column % band_depth_);
        },
        [&](int row, std::uint32_t entry) {
          const std::size_t at = block * block_rows_ + row;
          if (stored_ == Stored::values) {
            values_[at] = weights.value(entry);
          } else if (stored_ == Stored::codes8) {
            codes_[at] = weights.codes[entry];
          } else {
            const int shift = at % 2 * 4;
            codes_[at / 2] = static_cast<std::uint8_t>((codes_[at / 2] & (0xf0 >> shift)) |
                                                       (weights.codes[entry] << shift));
          }
        });
  }
}

RowBlocksView RowBlocks::view() const {
  return {rows_,        depth_,  block_rows_,   band_depth_,  groups_,         bands_,        start_.get(),
          index_.get(), stored_, values_.get(), codes_.get(), codebook_.get(), codebook_size_};
}

std::size_t RowBlocks::bytes() const {
  const std::size_t cells = static_cast<std::size_t>(bands_) * groups_, blocks = start_[cells];
  const std::size_t weights = blocks * block_rows_;
  const std::size_t stored = stored_ == Stored::values   ? weights * sizeof(float)
                             : stored_ == Stored::codes8 ? weights + 256 * sizeof(float)
                                                         : weights / 2 + 256 * sizeof(float);
  return (cells + 1) * sizeof(std::uint32_t) + blocks + stored;
}

std::size_t row_blocks_scratch(const RowBlocksKernels& kernels, int rows) {
  const std::size_t tile = kernels.column_tile, chunk = std::min(rows, kChunkRows) + 8;
  const std::size_t columns = kernels.band_depth * tile + chunk * tile + kReadBeyond;
  const std::size_t vector = kDecodedWeights + kReadBeyond + rows + 8;
  return std::max(columns, vector);
}

namespace {

class RowBlocksMatrix final : public Matrix {
 public:
  RowBlocksMatrix(const char* format, const SparseWeights& weights, const RowBlocksKernels& kernels)
      : format_(format), rows_(weights.rows), kernels_(kernels),
        blocks_(weights, kernels.block_rows, kernels.band_depth) {}

  const char* format() const override { return format_; }
  std::size_t bytes() const override { return blocks_.bytes(); }
  int row_tile() const override { return kernels_.block_rows; }
  int column_tile() const override { return kernels_.column_tile; }
  std::size_t scratch_bytes() const override { return row_blocks_scratch(kernels_, rows_) * sizeof(float); }

  void multiply(const Product& product, Range rows, Range columns, void* scratch) const override {
    kernels_.multiply(blocks_.view(), product, rows, columns, static_cast<float*>(scratch));
  }
  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void* scratch) const override {
    kernels_.multiply_vector(blocks_.view(), x, y, epilogue, rows, static_cast<float*>(scratch));
  }

 private:
  const char* format_;
  int rows_;
  const RowBlocksKernels& kernels_;
  RowBlocks blocks_;
};

}  // namespace

std::unique_ptr<Matrix> make_row_blocks(const char* format, const SparseWeights& weights,
                                        const RowBlocksKernels& kernels) {
  return std::make_unique<RowBlocksMatrix>(format, weights, kernels);
}

}  // namespace featherweight::kernels
