// Convolutions whose filters read one channel each, of 8-bit weights.
#include <stdexcept>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/dispatch.h"
#include "kernels/int8/int8.h"

namespace featherweight::kernels {
namespace {

class ChannelFilters final : public Int8Matrix {
 public:
  ChannelFilters(const std::int8_t* filters, const float* scale, int channels, int taps)
      : kernels_(active_kernels().int8), groups_(static_cast<int>(int8x4_count(channels))),
        depth_((taps + 3) / 4 * 4), packed_(packed_bytes(), 0), scale_(scale, scale + channels) {
    scale_.resize(static_cast<std::size_t>(groups_) * 4, 0.0f);
    row_sum_.resize(scale_.size(), 0);
    for (int c = 0; c < channels; ++c) {
      for (int tap = 0; tap < taps; ++tap) {
        const std::int8_t w = *filters++;
        packed_[static_cast<std::size_t>((c / 4 * depth_ + tap / 4 * 4) * 4 + c % 4 * 4 + tap % 4)] = w;
        row_sum_[static_cast<std::size_t>(c)] += w;
      }
    }
  }

  const char* format() const override { return "int8"; }
  std::size_t bytes() const override {
    return packed_bytes() + scale_.size() * sizeof(float) + row_sum_.size() * sizeof(std::int32_t);
  }
  int row_tile() const override { return 4; }
  int column_tile() const override { return kernels_.column_tile; }

  void multiply(const Product& product, Range rows, Range columns, void*) const override {
    kernels_.filter(weights(), product, nullptr, rows, columns);
  }
  void multiply_quantized(const Product& product, const QuantizedOutput& output, Range rows, Range columns,
                          void*) const override {
    kernels_.filter(weights(), product, &output, rows, columns);
  }
  void multiply_vector(const float*, float*, const Epilogue&, Range, void*) const override {
    throw std::logic_error("filters of one channel cannot multiply a vector");
  }

 private:
  std::size_t packed_bytes() const { return static_cast<std::size_t>(groups_) * 4 * depth_; }
  Int8Weights weights() const { return {packed_.data(), scale_.data(), row_sum_.data(), nullptr, nullptr, depth_}; }

  const Int8Kernels& kernels_;
  int groups_, depth_;
  std::vector<std::int8_t> packed_;
  std::vector<float> scale_;
  std::vector<std::int32_t> row_sum_;
};

}  // namespace

std::unique_ptr<Int8Matrix> make_int8_depthwise(const std::int8_t* filters, const float* scale, int channels, int taps) {
  return std::make_unique<ChannelFilters>(filters, scale, channels, taps);
}

}  // namespace featherweight::kernels
