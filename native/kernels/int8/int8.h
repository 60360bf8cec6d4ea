// Weights of 8 bits with a scale a row, times activations of 8 bits: exact sums in int32.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/int8/quantization.h"
#include "kernels/int8/steps.h"
#include "kernels/matrix.h"

namespace featherweight::kernels {

// Four channels of a tap and row are one element of four bytes; elements are packed in panels of
// `row_tile` rows, packed[(row / row_tile * depth + d) * row_tile + row % row_tile], filled with zeros.
struct Int8Weights {
  const std::int8_t* packed;
  const float* scale;            // one a row, then zeros up to a whole panel
  const std::int32_t* row_sum;   // sums of a row's weights, filled as `scale`
  const std::uint16_t* order;    // [panel][depth]: which element of X a packed step is of, if `multiply` wants it
  const Steps* steps;            // one a panel, with `order`: how steps are packed then
  int depth;                     // in elements
};

// Where results go that are the operand of another product: bytes instead of floats, or beside them.
// Column p of rows 4 g ... 4 g + 3 is element data[g * stride + p / pitch * row_pitch + p % pitch].
struct QuantizedOutput {
  Int8x4* data = nullptr;
  std::ptrdiff_t stride = 0;  // from one group of four rows to the next, in elements
  int row_pitch = 0;          // from one group of columns to the next, in elements
  Quantization quantization;
};

// Bytes that `multiply_vector` uses for each element of x: four activations in 16 bits.
constexpr std::size_t kInt8VectorScratch = 8;

// One instruction set's functions. `y` of a product may be null where `quantized` is not.
struct Int8Kernels {
  int row_tile, column_tile;
  bool wants_order;  // of steps (steps.h), in `multiply`
  std::size_t (*scratch_bytes)(int depth);  // of `multiply`; null: none
  void (*multiply)(const Int8Weights& weights, const Product& product, const QuantizedOutput* quantized,
                   Range rows, Range columns, void* scratch);
  // The same of filters that read one channel each, for one panel of four rows: the product's x are their channels'
  // elements, a row of x for each tap. Here `packed` is [row / 4][tap / 4][row % 4][tap % 4].
  void (*filter)(const Int8Weights& filters, const Product& product, const QuantizedOutput* quantized, Range rows,
                 Range columns);
  // x: `depth` elements; `scratch`: kInt8VectorScratch bytes an element, and of two more.
  void (*multiply_vector)(const Int8Weights& weights, const Int8x4* x, const Quantization& quantization,
                          float* y, const Epilogue& epilogue, Range rows, void* scratch);
  // Elements of four channels' runs of `count` floats. A null channel is filled with bytes 0.
  void (*quantize_channels)(const float* const channels[4], int count, const Quantization& quantization,
                            Int8x4* out);
  // Bytes side by side, as multiply_vector wants them.
  void (*quantize_vector)(const float* x, int count, const Quantization& quantization, std::uint8_t* out);
  // The least and the greatest of `count` floats and of those that `low` and `high` hold already.
  void (*range)(const float* x, std::size_t count, float* low, float* high);
};

extern const Int8Kernels kInt8Scalar, kInt8Avx2, kInt8Avx512;

// A Matrix whose operands are Elements::int8x4 (`Operand::scale` and `zero_point` say what they mean).
class Int8Matrix : public Matrix {
 public:
  Elements elements() const override { return Elements::int8x4; }
  // As `multiply`, but stores bytes too; `product.y` may be null, then it stores nothing else.
  virtual void multiply_quantized(const Product& product, const QuantizedOutput& output, Range rows,
                                  Range columns, void* scratch) const = 0;
};

struct Int8Options {
  bool by_vectors = false;  // only by multiply_vector; else only by multiply: on AVX2 they want other layouts
  int activation_bits = 8;  // 7 is faster where there is no VNNI: more fits 16 bits
  // Of multiply_vector's input; if not given, its range is measured in every call.
  const Quantization* input = nullptr;
};

// `weights`: [rows][channels][taps], copied; `scale`: one a row. Throws std::invalid_argument where a sum might not fit
// 32 bits.
std::unique_ptr<Int8Matrix> make_int8(const std::int8_t* weights, const float* scale, int rows,
                                      int channels, int taps, const Int8Options& options = {});

// `filters`: [channels][taps], each of one channel, copied. A product is of one row tile, four channels, and its x
// has a row for each tap of theirs. There is no multiply_vector.
std::unique_ptr<Int8Matrix> make_int8_depthwise(const std::int8_t* filters, const float* scale, int channels, int taps);

// Symmetric weights of a row: scale = max|w| / 127, q = w / scale, half to even.
void quantize_rows(const float* weights, int rows, int depth, std::int8_t* quantized, float* scale);

}  // namespace featherweight::kernels
