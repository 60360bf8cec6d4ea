// The specification: a product of signs is +1 where the bits agree, so a sum is bits - 2 * differing.
#include "kernels/binary/binary.h"
#include "kernels/binary/pack.h"
#include "kernels/finish_scalar.h"

namespace featherweight::kernels {
namespace {

std::size_t scratch_bytes(int) { return 0; }

void multiply(const void* packed, int words, int bits, const Product& p, Range rows, Range columns, void*) {
  const auto* const x = static_cast<const std::uint32_t*>(p.x.data);
  for (int row = rows.begin; row < rows.end; ++row) {
    const auto* const w = static_cast<const std::uint32_t*>(packed) + static_cast<std::ptrdiff_t>(row) * words;
    for (int column = columns.begin; column < columns.end; ++column) {
      if (!p.columns.wanted(column)) continue;
      int differing = 0;
      for (int d = 0; d < p.depth; ++d) {
        differing += __builtin_popcount(w[d] ^ x[p.x.offsets[d] + column]);
      }
      const int stored = p.columns.stored(column);
      const float sum = static_cast<float>(bits - 2 * differing);
      const std::ptrdiff_t at = row * p.y_stride + stored;
      p.y[at] = finished(sum, p.epilogue, row, at, stored);
    }
  }
}

void multiply_vector(const void* packed, int words, int bits, const std::uint32_t* x, float* y,
                     const Epilogue& epilogue, Range rows) {
  for (int row = rows.begin; row < rows.end; ++row) {
    const auto* const w = static_cast<const std::uint32_t*>(packed) + static_cast<std::ptrdiff_t>(row) * words;
    int differing = 0;
    for (int d = 0; d < words; ++d) differing += __builtin_popcount(w[d] ^ x[d]);
    y[row] = finished(static_cast<float>(bits - 2 * differing), epilogue, row, row, 0);
  }
}

void planes_to_words(const float* x, std::ptrdiff_t stride, int channels, int count, std::uint32_t* signs,
                     float* magnitudes) {
  for (int i = 0; i < count; ++i) {
    std::uint32_t word = 0;
    float sum = 0.0f;
    for (int c = 0; c < channels; ++c) {
      const float value = x[c * stride + i];
      word |= static_cast<std::uint32_t>(value < 0.0f) << c;
      sum += value < 0.0f ? -value : value;
    }
    signs[i] = word;
    if (magnitudes) magnitudes[i] += sum;
  }
}

void vector_to_words(const float* x, int count, std::uint32_t* signs) {
  for (int first = 0; first < count; first += kBitsInWord) {
    const int left = count - first;
    planes_to_words(x + first, 1, left < kBitsInWord ? left : kBitsInWord, 1, signs++, nullptr);
  }
}

}  // namespace

const BinaryKernels kBinaryScalar{1, 4, 1 << 26, scratch_bytes, multiply, multiply_vector,
                                  planes_to_words, vector_to_words};

}  // namespace featherweight::kernels
