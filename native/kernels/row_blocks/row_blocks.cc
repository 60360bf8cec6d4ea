#include "kernels/row_blocks/row_blocks.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace featherweight::kernels {
namespace {

constexpr std::size_t kReadBeyond = 64;
constexpr int kMaxCodes = 256;
constexpr std::size_t kCodebookBytes = 2 * kMaxCodes * sizeof(float);

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
  if (band_depth_ <= kMaxBand) index8_ = zeros<std::uint8_t>(start_[cells]);
  if (band_depth_ > kMaxBand) index16_ = zeros<std::uint16_t>(start_[cells]);
}

// Weights that a kept block's rows do not have are zero: then a code must name zero. Returns it.
int RowBlocks::pack_codebook(const SparseWeights& w, bool needs_zero) {
  const float* const end = w.codebook + w.codebook_size;
  const int zero = needs_zero ? static_cast<int>(std::find(w.codebook, end, 0.0f) - w.codebook) : 0;
  codebook_size_ = std::max(w.codebook_size, zero + 1);
  if (codebook_size_ > kMaxCodes) return 0;
  stored_ = codebook_size_ <= 16 && block_rows_ > 1 ? Stored::codes4 : Stored::codes8;
  codebook_ = zeros<float>(kMaxCodes);
  std::copy(w.codebook, end, codebook_.get());
  codebook_bytes_ = zeros<std::uint8_t>(kMaxCodes * sizeof(float));
  for (int code = 0; code < kMaxCodes; ++code) {
    std::uint32_t bits;
    std::memcpy(&bits, &codebook_[code], sizeof bits);
    for (int byte = 0; byte < 4; ++byte) {
      codebook_bytes_[byte * kMaxCodes + code] = static_cast<std::uint8_t>(bits >> 8 * byte);
    }
  }
  return zero;
}

void RowBlocks::pack_weights(const SparseWeights& weights) {
  const std::size_t cells = static_cast<std::size_t>(bands_) * groups_;
  const std::size_t size = static_cast<std::size_t>(start_[cells]) * block_rows_;
  const int zero = weights.codes ? pack_codebook(weights, size != weights.entries()) : 0;
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
          if (index8_) index8_[block] = static_cast<std::uint8_t>(column % band_depth_);
          if (index16_) index16_[block] = static_cast<std::uint16_t>(column % band_depth_);
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
  RowBlocksView view;
  view.rows = rows_;
  view.depth = depth_;
  view.block_rows = block_rows_;
  view.band_depth = band_depth_;
  view.groups = groups_;
  view.bands = bands_;
  view.start = start_.get();
  view.index8 = index8_.get();
  view.index16 = index16_.get();
  view.stored = stored_;
  view.values = values_.get();
  view.codes = codes_.get();
  view.codebook = codebook_.get();
  view.codebook_bytes = codebook_bytes_.get();
  view.codebook_size = codebook_size_;
  return view;
}

std::size_t RowBlocks::bytes() const {
  const std::size_t cells = static_cast<std::size_t>(bands_) * groups_, blocks = start_[cells];
  const std::size_t weights = blocks * block_rows_;
  const std::size_t stored = stored_ == Stored::values   ? weights * sizeof(float)
                             : stored_ == Stored::codes8 ? weights + kCodebookBytes
                                                         : weights / 2 + kCodebookBytes;
  return (cells + 1) * sizeof(std::uint32_t) + blocks * (index8_ ? 1 : 2) + stored;
}

std::size_t row_blocks_scratch(const RowBlocksKernels& kernels, Use use, int rows) {
  const std::size_t tile = kernels.column_tile, chunk = std::min(rows, kChunkRows) + 8;
  const std::size_t columns = kernels.band_depth * tile + chunk * tile + kReadBeyond;
  const std::size_t vector = kDecodedWeights + kReadBeyond + rows + 8;
  return use == Use::vector ? vector : std::max(columns, vector);
}

namespace {

class RowBlocksMatrix final : public Matrix {
 public:
  RowBlocksMatrix(const char* format, const SparseWeights& weights, Use use, const RowBlocksKernels& kernels)
      : format_(format), use_(use), rows_(weights.rows), kernels_(kernels),
        blocks_(weights, kernels.block_rows,
                use == Use::columns ? kernels.band_depth : kVectorBand) {}

  const char* format() const override { return format_; }
  std::size_t bytes() const override { return blocks_.bytes(); }
  int row_tile() const override { return kernels_.block_rows; }
  int column_tile() const override { return kernels_.column_tile; }
  std::size_t scratch_bytes() const override {
    return row_blocks_scratch(kernels_, use_, rows_) * sizeof(float);
  }
  bool multiplies_columns() const override { return use_ == Use::columns; }

  void multiply(const Product& product, Range rows, Range columns, void* scratch) const override {
    kernels_.multiply(blocks_.view(), product, rows, columns, static_cast<float*>(scratch));
  }
  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void* scratch) const override {
    kernels_.multiply_vector(blocks_.view(), x, y, epilogue, rows, static_cast<float*>(scratch));
  }

 private:
  const char* format_;
  Use use_;
  int rows_;
  const RowBlocksKernels& kernels_;
  RowBlocks blocks_;
};

}  // namespace

std::unique_ptr<Matrix> make_row_blocks(const char* format, const SparseWeights& weights,
                                        Use use, const RowBlocksKernels& kernels) {
  return std::make_unique<RowBlocksMatrix>(format, weights, use, kernels);
}

}  // namespace featherweight::kernels
