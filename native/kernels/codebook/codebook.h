// Dense weights that are kept as codes of 4 or 8 bits and a codebook of float32 values.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/int8/quantization.h"
#include "kernels/matrix.h"

namespace featherweight::kernels {

// Rows lie one after the other, `row_bytes` apart, filled with code 0. 8-bit codes are in order; 4-bit
// codes come in blocks of 32: byte i of a block holds code i in its low half and code 16 + i in the high.
struct Codes {
  const std::uint8_t* packed;
  std::ptrdiff_t row_bytes;
  int num_bits, depth;
  const float* codebook;  // 16 or 256 values, filled with zeros
  // For quantized inputs, with 4 bits only: value ~ step * whole[code]. `whole` is 16 bytes for inputs of 8
  // bits; for inputs of 16 bits the 16 low bytes and then the 16 high ones. Then the rows' sums of `whole`.
  const std::uint8_t* whole;
  float step;
  const std::int32_t* row_sum;
};

// One instruction set's functions.
struct CodebookKernels {
  void (*multiply_vector)(const Codes& codes, const float* x, float* y, const Epilogue& epilogue, Range rows);
  // `x`: 7-bit numbers in the order of `arranged` (below), then zeros.
  void (*multiply_bytes)(const Codes& codes, const std::uint8_t* x, const Quantization& quantization, float* y,
                         const Epilogue& epilogue, Range rows);
  // `x`: numbers of magnitude <= kMostWord in the order of `arranged_words`, x_step apart, then zeros.
  void (*multiply_words)(const Codes& codes, const std::int16_t* x, float x_step, float* y,
                         const Epilogue& epilogue, Range rows);
  // Rows as panels of dense weights: out[(row / row_tile * depth + d) * row_tile + row % row_tile], from the
  // range's first row on; rows from rows.end on up to a whole panel are zeros.
  void (*expand)(const Codes& codes, Range rows, int row_tile, float* out);
};

// With values of this magnitude on both sides, 128 products fit an int32.
constexpr int kMostWord = 4095;
constexpr int kMostProducts = 128;

extern const CodebookKernels kCodebookScalar, kCodebookAvx2, kCodebookAvx512;

// Quantized inputs lie as the codes' halves are taken out of 64 bytes: first the 16 k's of the low halves of
// four blocks, then those of the high halves. Where k of a row is, up to a multiple of 128:
constexpr int arranged(int k) {
  return k / 128 * 128 + (k % 32 >= 16 ? 64 : 0) + k % 128 / 32 * 16 + k % 16;
}

// The same for inputs of 16 bits, up to a multiple of 64: eight k's of a block and the same of the next block lie
// side by side, as vpunpck leaves the values.
constexpr int arranged_words(int k) {
  return k / 64 * 64 + k % 32 / 8 * 16 + k % 64 / 32 * 8 + k % 8;
}

// What multiply_vector computes in (4-bit codes only; 8-bit codes always in float32).
enum class VectorPrecision : std::uint8_t {
  float32,
  int16,  // x and codebook rounded to 13 bits
  int8,   // x rounded to 7 bits, codebook to 8
};

struct CodebookOptions {
  VectorPrecision vector = VectorPrecision::float32;
};

// `codes`: [rows][depth], each below `entries` <= 256; 4 bits where `entries` <= 16. Copied.
std::unique_ptr<Matrix> make_codebook(const std::uint8_t* codes, const float* codebook, int entries, int rows,
                                      int depth, const CodebookOptions& options = {});

}  // namespace featherweight::kernels
