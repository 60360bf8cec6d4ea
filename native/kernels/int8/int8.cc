#include "kernels/int8/int8.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/dispatch.h"
#include "kernels/int8/pack.h"

namespace featherweight::kernels {
namespace {

// |sum| <= 255 * 128 * weights must stay below 2^31.
constexpr int kMostWeights = 65793;

// Steps are numbered in 16 bits.
constexpr int kMostElements = 65536;

int elements_of(int channels, int taps) { return static_cast<int>(int8x4_count(channels)) * taps; }

class PackedInt8 final : public Int8Matrix {
 public:
  PackedInt8(const std::int8_t* weights, const float* scale, int rows, int channels, int taps,
             const Int8Options& options)
      : kernels_(active_kernels().int8), channels_(channels), depth_(elements_of(channels, taps)),
        tile_(kernels_.row_tile), panels_((rows + tile_ - 1) / tile_), by_vectors_(options.by_vectors),
        packed_bytes_(static_cast<std::size_t>(panels_) * tile_ * depth_ * 4),
        packed_(aligned_array<std::int8_t>(packed_bytes_)) {
    if (options.input != nullptr) {
      has_input_ = true;
      input_ = *options.input;
    }
    input_.top = options.activation_bits == 7 ? 127 : input_.top;
    scale_.assign(scale, scale + rows);
    scale_.resize(static_cast<std::size_t>(panels_) * tile_, 0.0f);
    row_sum_.resize(scale_.size(), 0);
    pack(weights, rows, taps);
    if (kernels_.wants_order && !by_vectors_) order();
  }

  const char* format() const override { return "int8"; }
  std::size_t bytes() const override {
    return packed_bytes_ + scale_.size() * sizeof(float) + row_sum_.size() * sizeof(std::int32_t) +
           order_.size() * sizeof(std::uint16_t) + steps_.size() * sizeof(Steps);
  }
  int row_tile() const override { return tile_; }
  int column_tile() const override { return kernels_.column_tile; }
  bool suits_caches() const override { return true; }
  std::size_t scratch_bytes() const override {
    if (by_vectors_) return vector_scratch_bytes();
    return kernels_.scratch_bytes ? kernels_.scratch_bytes(depth_) : 0;
  }
  // The quantized vector, up to a whole line, and then the kernel's.
  std::size_t vector_scratch_bytes() const override {
    const auto depth = static_cast<std::size_t>(depth_);
    return (depth + 16) * sizeof(Int8x4) + kInt8VectorScratch * (depth + 2);
  }

  void multiply(const Product& product, Range rows, Range columns, void* scratch) const override {
    check_use(false);
    kernels_.multiply(weights(), product, nullptr, rows, columns, scratch);
  }
  void multiply_quantized(const Product& product, const QuantizedOutput& output, Range rows, Range columns,
                          void* scratch) const override {
    check_use(false);
    kernels_.multiply(weights(), product, &output, rows, columns, scratch);
  }
  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void* scratch) const override {
    check_use(true);
    Quantization q = input_;
    if (!has_input_) {
      float low = 0.0f, high = 0.0f;
      kernels_.range(x, static_cast<std::size_t>(channels_), &low, &high);
      q = quantization_of(low, high, input_.top);
    }
    auto* const bytes = static_cast<std::uint8_t*>(scratch);
    kernels_.quantize_vector(x, channels_, q, bytes);
    for (int i = channels_; i < depth_ * 4; ++i) bytes[i] = 0;
    kernels_.multiply_vector(weights(), reinterpret_cast<const Int8x4*>(bytes), q, y, epilogue, rows,
                             bytes + (static_cast<std::size_t>(depth_) * 4 + 63) / 64 * 64);
  }

 private:
  void check_use(bool by_vectors) const {
    if (by_vectors != by_vectors_) throw std::logic_error("8-bit weights are packed for either columns or vectors");
  }
  Int8Weights weights() const {
    return {packed_.get(), scale_.data(), row_sum_.data(), order_.data(), steps_.data(), depth_};
  }
  std::int8_t* element(int row, int d) const {
    return packed_.get() + ((static_cast<std::ptrdiff_t>(row / tile_) * depth_ + d) * tile_ + row % tile_) * 4;
  }

  void pack(const std::int8_t* weights, int rows, int taps) {
    std::fill_n(packed_.get(), packed_bytes_, std::int8_t{0});
    for (int row = 0; row < rows; ++row) {
      for (int c = 0; c < channels_; ++c) {
        for (int tap = 0; tap < taps; ++tap) {
          const std::int8_t w = *weights++;
          element(row, c / 4 * taps + tap)[c % 4] = w;
          row_sum_[row] += w;
        }
      }
    }
  }

  void order() {
    std::vector<std::int8_t> ordered;
    order_.resize(static_cast<std::size_t>(panels_) * depth_);
    for (int panel = 0; panel < panels_; ++panel) {
      steps_.push_back(order_steps(element(panel * tile_, 0), depth_, tile_, input_.top,
                                   order_.data() + static_cast<std::ptrdiff_t>(panel) * depth_, &ordered));
    }
    packed_bytes_ = ordered.size();
    packed_ = aligned_array<std::int8_t>(packed_bytes_);
    std::copy(ordered.begin(), ordered.end(), packed_.get());
  }

  const Int8Kernels& kernels_;
  int channels_, depth_, tile_, panels_;
  bool by_vectors_, has_input_ = false;
  Quantization input_;
  std::size_t packed_bytes_;
  AlignedArray<std::int8_t> packed_;
  std::vector<float> scale_;
  std::vector<std::int32_t> row_sum_;
  std::vector<std::uint16_t> order_;
  std::vector<Steps> steps_;
};

}  // namespace

std::unique_ptr<Int8Matrix> make_int8(const std::int8_t* weights, const float* scale, int rows,
                                      int channels, int taps, const Int8Options& options) {
  if (static_cast<std::int64_t>(channels) * taps > kMostWeights) {
    throw std::invalid_argument("a row of 8-bit weights must have at most " + std::to_string(kMostWeights) +
                                " of them, but has " + std::to_string(std::int64_t{channels} * taps));
  }
  if (elements_of(channels, taps) > kMostElements) {
    throw std::invalid_argument("a row of 8-bit weights must have at most " + std::to_string(kMostElements) +
                                " elements of four channels, but has " + std::to_string(elements_of(channels, taps)));
  }
  if (options.by_vectors && taps != 1) throw std::invalid_argument("weights of a convolution cannot multiply a vector");
  if (options.activation_bits != 7 && options.activation_bits != 8) {
    throw std::invalid_argument("activation_bits must be 7 or 8, but is " +
                                std::to_string(options.activation_bits));
  }
  return std::make_unique<PackedInt8>(weights, scale, rows, channels, taps, options);
}

void quantize_rows(const float* weights, int rows, int depth, std::int8_t* quantized, float* scale) {
  for (int row = 0; row < rows; ++row, weights += depth, quantized += depth) {
    float most = 0.0f;
    for (int d = 0; d < depth; ++d) most = std::max(most, std::abs(weights[d]));
    scale[row] = most > 0.0f ? most / 127.0f : 1.0f;
    for (int d = 0; d < depth; ++d) {
      const float q = std::nearbyint(weights[d] / scale[row]);
      quantized[d] = static_cast<std::int8_t>(std::min(127.0f, std::max(-127.0f, q)));
    }
  }
}

}  // namespace featherweight::kernels
