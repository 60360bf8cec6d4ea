#include "kernels/codebook/codebook.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/dispatch.h"
#include "kernels/int8/pack.h"

namespace featherweight::kernels {
namespace {

constexpr int kBlock = 32;       // codes of 4 bits that are packed together
constexpr int kReadBehind = 64;  // kernels load whole vectors

class CodebookMatrix final : public Matrix {
 public:
  CodebookMatrix(const std::uint8_t* codes, const float* codebook, int entries, int rows, int depth,
                 const CodebookOptions& options)
      : kernels_(active_kernels()), rows_(rows), depth_(depth), num_bits_(entries <= 16 ? 4 : 8),
        precision_(num_bits_ == 4 ? options.vector : VectorPrecision::float32),
        row_bytes_(num_bits_ == 4 ? (depth + kBlock - 1) / kBlock * (kBlock / 2) : (depth + 15) / 16 * 16),
        packed_(aligned_array<std::uint8_t>(packed_bytes())), codebook_(num_bits_ == 4 ? 16 : 256, 0.0f) {
    std::copy(codebook, codebook + entries, codebook_.begin());
    std::fill_n(packed_.get(), packed_bytes(), std::uint8_t{0});
    for (int row = 0; row < rows; ++row) {
      for (int k = 0; k < depth; ++k) {
        const std::uint8_t code = *codes++;
        if (code >= entries) throw_code(code, entries);
        pack(row, k, code);
      }
    }
    quantize_codebook(codes - static_cast<std::ptrdiff_t>(rows) * depth);
  }

  const char* format() const override { return num_bits_ == 4 ? "codebook4" : "codebook8"; }
  std::size_t bytes() const override {
    return packed_bytes() + codebook_.size() * sizeof(float) + row_sum_.size() * sizeof(std::int32_t);
  }
  int row_tile() const override { return kernels_.dense.row_tile; }
  // A panel in float32, or a quantized vector and the same in another order, of one or two bytes a number.
  std::size_t scratch_bytes() const override {
    const std::size_t panel = static_cast<std::size_t>(depth_) * row_tile() * sizeof(float);
    return std::max(panel, 2 * arranged_size());
  }

  void multiply(const Product& product, Range rows, Range columns, void* scratch) const override {
    const int tile = row_tile();
    auto* const panel = static_cast<float*>(scratch);
    for (int row = rows.begin; row < rows.end; row += tile) {
      const Range part{row, std::min(rows.end, row + tile)};
      kernels_.codebook.expand(codes(), part, tile, panel);
      kernels_.dense.multiply(panel, from_row(product, row), {0, part.size()}, columns, nullptr);
    }
  }

  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void* scratch) const override {
    switch (precision_) {
      case VectorPrecision::float32: return kernels_.codebook.multiply_vector(codes(), x, y, epilogue, rows);
      case VectorPrecision::int16: return multiply_words(x, y, epilogue, rows, static_cast<std::int16_t*>(scratch));
      case VectorPrecision::int8: return multiply_bytes(x, y, epilogue, rows, static_cast<std::uint8_t*>(scratch));
    }
  }

 private:
  std::size_t packed_bytes() const { return static_cast<std::size_t>(rows_ * row_bytes_) + kReadBehind; }
  std::size_t arranged_size() const { return (static_cast<std::size_t>(depth_) + 127) / 128 * 128; }

  [[noreturn]] static void throw_code(int code, int entries) {
    throw std::invalid_argument("a code must be below the codebook's " + std::to_string(entries) +
                                " entries, but is " + std::to_string(code));
  }

  void pack(int row, int k, std::uint8_t code) {
    std::uint8_t* const at = packed_.get() + row * row_bytes_;
    if (num_bits_ == 8) {
      at[k] = code;
    } else {
      const bool is_high = k % kBlock >= kBlock / 2;
      at[k / kBlock * (kBlock / 2) + k % (kBlock / 2)] |= static_cast<std::uint8_t>(is_high ? code << 4 : code);
    }
  }

  void multiply_bytes(const float* x, float* y, const Epilogue& epilogue, Range rows,
                      std::uint8_t* scratch) const {
    const Quantization q = measure_quantization(x, static_cast<std::size_t>(depth_), 127);
    std::uint8_t* const in_order = scratch + arranged_size();
    kernels_.int8.quantize_vector(x, depth_, q, in_order);
    std::fill(in_order + depth_, in_order + arranged_size(), std::uint8_t{0});
    for (int k = 0; k < static_cast<int>(arranged_size()); k += 16) {
      std::memcpy(scratch + arranged(k), in_order + k, 16);
    }
    kernels_.codebook.multiply_bytes(codes(), scratch, q, y, epilogue, rows);
  }

  void multiply_words(const float* x, float* y, const Epilogue& epilogue, Range rows,
                      std::int16_t* scratch) const {
    float low = 0.0f, high = 0.0f;
    kernels_.int8.range(x, static_cast<std::size_t>(depth_), &low, &high);
    const float most = std::max(-low, high), step = most > 0.0f ? most / kMostWord : 1.0f;
    std::fill_n(scratch, arranged_size(), std::int16_t{0});
    for (int k = 0; k < depth_; ++k) scratch[arranged_words(k)] = whole(x[k] / step, kMostWord);
    kernels_.codebook.multiply_words(codes(), scratch, step, y, epilogue, rows);
  }

  // Half to even, by the last bit of a large float; |x| < 2^22. NaN becomes the least.
  static std::int16_t whole(float x, int most) {
    constexpr float kLarge = 12582912.0f;
    const float rounded = (x + kLarge) - kLarge;
    return static_cast<std::int16_t>(std::min<float>(most, std::max<float>(-most, rounded)));
  }

  void quantize_codebook(const std::uint8_t* codes) {
    if (precision_ == VectorPrecision::float32) return;
    const int limit = precision_ == VectorPrecision::int8 ? 127 : kMostWord;
    float most = 0.0f;
    for (const float value : codebook_) most = std::max(most, std::abs(value));
    step_ = most > 0.0f ? most / static_cast<float>(limit) : 1.0f;
    std::int16_t values[16];
    whole_.resize(32);
    for (int i = 0; i < 16; ++i) {
      values[i] = whole(codebook_[i] / step_, limit);
      whole_[i] = static_cast<std::uint8_t>(values[i]);
      whole_[16 + i] = static_cast<std::uint8_t>(values[i] >> 8);
    }
    for (int row = 0; row < rows_; ++row) {
      row_sum_.push_back(0);
      for (int k = 0; k < depth_; ++k) row_sum_.back() += values[*codes++];
    }
  }

  Codes codes() const {
    return {packed_.get(), row_bytes_, num_bits_, depth_, codebook_.data(), whole_.data(), step_,
            row_sum_.data()};
  }

  // The same product, with row `row` as its first.
  static Product from_row(Product p, int row) {
    p.y += row * p.y_stride;
    Epilogue& e = p.epilogue;
    if (e.scale != nullptr) e.scale += row;
    if (e.bias != nullptr) e.bias += row;
    if (e.residual != nullptr) e.residual += row * p.y_stride;
    return p;
  }

  const Kernels& kernels_;
  int rows_, depth_, num_bits_;
  VectorPrecision precision_;
  std::ptrdiff_t row_bytes_;
  AlignedArray<std::uint8_t> packed_;
  std::vector<float> codebook_;
  std::vector<std::uint8_t> whole_;
  float step_ = 0.0f;
  std::vector<std::int32_t> row_sum_;
};

}  // namespace

std::unique_ptr<Matrix> make_codebook(const std::uint8_t* codes, const float* codebook, int entries, int rows,
                                      int depth, const CodebookOptions& options) {
  if (entries < 1 || entries > 256) {
    throw std::invalid_argument("a codebook must have 1 to 256 entries, but has " + std::to_string(entries));
  }
  return std::make_unique<CodebookMatrix>(codes, codebook, entries, rows, depth, options);
}

}  // namespace featherweight::kernels
