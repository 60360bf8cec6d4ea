#include "kernels/binary/binary.h"

#include <cstring>
#include <stdexcept>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/binary/pack.h"
#include "kernels/dispatch.h"

namespace featherweight::kernels {

void pack_planes(const float* x, std::ptrdiff_t stride, int channels, int count, std::uint32_t* signs,
                 float* magnitudes) {
  active_kernels().binary.pack_planes(x, stride, channels, count, signs, magnitudes);
}

void pack_vector(const float* x, int count, std::uint32_t* signs) {
  active_kernels().binary.pack_vector(x, count, signs);
}

namespace {

// [channels][taps] to words [channels / 32][taps].
void pack_row(const BinaryKernels& kernels, const float* row, int channels, int taps, std::uint32_t* words) {
  if (taps == 1) return kernels.pack_vector(row, channels, words);
  for (int first = 0; first < channels; first += kBitsInWord, words += taps) {
    const int left = channels - first;
    kernels.pack_planes(row + static_cast<std::ptrdiff_t>(first) * taps, taps,
                        left < kBitsInWord ? left : kBitsInWord, taps, words, nullptr);
  }
}

const BinaryKernels& kernels_for(int words) {
  const BinaryKernels& best = active_kernels().binary;
  return words <= best.most_words ? best : kBinaryScalar;
}

class BinaryMatrix final : public Matrix {
 public:
  BinaryMatrix(const float* weights, int rows, int channels, int taps)
      : rows_(rows), channels_(channels), taps_(taps), words_(words_of(channels) * taps),
        kernels_(kernels_for(words_)), packed_(aligned_array<unsigned char>(bytes())) {
    std::memset(packed_.get(), 0, bytes());
    std::vector<std::uint32_t> words(static_cast<std::size_t>(words_));
    const int unit = kernels_.unit, units = words_ * 4 / unit, tile = kernels_.row_tile;
    for (int row = 0; row < rows; ++row) {
      pack_row(kernels_, weights + static_cast<std::ptrdiff_t>(row) * channels * taps, channels, taps,
               words.data());
      const auto* const from = reinterpret_cast<const unsigned char*>(words.data());
      unsigned char* const to = packed_.get() + static_cast<std::size_t>(row / tile) * units * tile * unit;
      for (int u = 0; u < units; ++u) {
        std::memcpy(to + (static_cast<std::ptrdiff_t>(u) * tile + row % tile) * unit, from + u * unit,
                    static_cast<std::size_t>(unit));
      }
    }
  }

  const char* format() const override { return "binary"; }
  std::size_t bytes() const override {
    const int tile = kernels_.row_tile;
    return static_cast<std::size_t>((rows_ + tile - 1) / tile) * tile * words_ * sizeof(std::uint32_t);
  }
  Elements elements() const override { return Elements::bits32; }
  int row_tile() const override { return kernels_.row_tile; }
  std::size_t scratch_bytes() const override {
    const std::size_t vector = static_cast<std::size_t>(words_) * sizeof(std::uint32_t);
    return std::max(vector, kernels_.scratch_bytes(words_));
  }

  void multiply(const Product& product, Range rows, Range columns, void* scratch) const override {
    kernels_.multiply(packed_.get(), words_, bits(), product, rows, columns, scratch);
  }
  void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                       void* scratch) const override {
    auto* const words = static_cast<std::uint32_t*>(scratch);
    pack_row(kernels_, x, channels_, taps_, words);
    kernels_.multiply_vector(packed_.get(), words_, bits(), words, y, epilogue, rows);
  }

 private:
  int bits() const { return channels_ * taps_; }

  int rows_, channels_, taps_, words_;
  const BinaryKernels& kernels_;
  AlignedArray<unsigned char> packed_;
};

}  // namespace

std::unique_ptr<Matrix> make_binary(const float* weights, int rows, int channels, int taps) {
  return std::make_unique<BinaryMatrix>(weights, rows, channels, taps);
}

}  // namespace featherweight::kernels
