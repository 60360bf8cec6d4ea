#include "kernels/binary_weight/binary_weight.h"

#include <algorithm>
#include <cstring>

#include "kernels/aligned.h"
#include "kernels/binary/pack.h"
#include "kernels/binary_weight/groups.h"
#include "kernels/dispatch.h"

namespace featherweight::kernels {
namespace {

class BinaryWeightMatrix final : public Matrix {
 public:
  BinaryWeightMatrix(const float* weights, int rows, int depth)
      : rows_(rows), depth_(depth), words_(words_of(depth)), kernels_(active_kernels().binary_weight),
        packed_(aligned_array<std::uint32_t>(size())) {
    std::fill_n(packed_.get(), size(), 0u);
    const auto row_words = aligned_array<std::uint32_t>(static_cast<std::size_t>(words_));
    for (int row = 0; row < rows; ++row) {
      pack_vector(weights + static_cast<std::ptrdiff_t>(row) * depth, depth, row_words.get());
      std::uint32_t* const to = packed_.get() + static_cast<std::ptrdiff_t>(row / kPanel) * words_ * kPanel + row % kPanel;
      for (int word = 0; word < words_; ++word) to[static_cast<std::ptrdiff_t>(word) * kPanel] = row_words[word];
    }
  }

  const char* format() const override { return "binary_weight"; }
  std::size_t bytes() const override { return size() * sizeof(std::uint32_t); }
  int row_tile() const override { return kPanel; }
  int column_tile() const override { return kernels_.column_tile; }
  std::size_t scratch_bytes() const override {
    return std::max(static_cast<std::size_t>(words_) * 32 * sizeof(float), kernels_.scratch_bytes(rows_, words_));
  }

  void multiply(const Product& product, Range rows, Range columns, void* scratch) const override {
    kernels_.multiply(packed_.get(), words_, product, rows, columns, scratch);
  }
  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void* scratch) const override {
    if (depth_ % 32 != 0) {
      auto* const filled = static_cast<float*>(scratch);
      std::copy(x, x + depth_, filled);
      std::fill(filled + depth_, filled + words_ * 32, 0.0f);
      x = filled;
    }
    kernels_.multiply_vector(packed_.get(), words_, x, y, epilogue, rows);
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>((rows_ + kPanel - 1) / kPanel) * kPanel * words_; }

  int rows_, depth_, words_;
  const BinaryWeightKernels& kernels_;
  AlignedArray<std::uint32_t> packed_;
};

}  // namespace

std::unique_ptr<Matrix> make_binary_weight(const float* weights, int rows, int depth) {
  return std::make_unique<BinaryWeightMatrix>(weights, rows, depth);
}

}  // namespace featherweight::kernels
