// The specification: sums in int32, then float32 as docs/integer-arithmetic.md writes it.
#include "kernels/finish_scalar.h"
#include "kernels/int8/quantize.h"

namespace featherweight::kernels {
namespace {

constexpr int kRowTile = 4;

std::int32_t dot(const std::int8_t* w, Int8x4 x) {
  std::int32_t sum = 0;
  for (int c = 0; c < 4; ++c) sum += w[c] * static_cast<std::int32_t>(x >> (8 * c) & 255u);
  return sum;
}

// One fused rounding for scale and bias, as the vectors do.
float finished8(std::int32_t sum, float factor, const Epilogue& e, int row, std::ptrdiff_t at) {
  const float scale = e.scale ? e.scale[row] : 1.0f, bias = e.bias ? e.bias[row] : 0.0f;
  const float value = std::fma(static_cast<float>(sum) * factor, scale, bias);
  return ended(e.residual ? value + e.residual[at] : value, e.ending);
}

void store_byte(std::uint32_t byte, int row, int column, const Product& p, const QuantizedOutput& output) {
  Int8x4& element = output.data[row / 4 * output.stride + column / p.columns.pitch * output.row_pitch +
                                column % p.columns.pitch];
  const int shift = row % 4 * 8;
  element = (element & ~(255u << shift)) | byte << shift;
}

// The last step of one sum. The rows that are missing in the last group of four are 0.0 as bytes.
void store(std::int32_t sum, const Int8Weights& weights, const Product& p, const QuantizedOutput* output, int row,
           int column) {
  const std::ptrdiff_t at = row * p.y_stride + p.columns.stored(column);
  const float y = finished8(sum, weights.scale[row] * p.x.scale, p.epilogue, row, at);
  if (p.y != nullptr) p.y[at] = y;
  if (output == nullptr) return;
  store_byte(quantized(y, output->quantization), row, column, p, *output);
  if (row + 1 != p.rows) return;
  for (int missing = row + 1; missing % 4 != 0; ++missing) {
    store_byte(static_cast<std::uint32_t>(output->quantization.zero_point), missing, column, p, *output);
  }
}

void multiply(const Int8Weights& weights, const Product& p, const QuantizedOutput* output, Range rows,
              Range columns, void*) {
  const auto* const x = static_cast<const Int8x4*>(p.x.data);
  for (int row = rows.begin; row < rows.end; ++row) {
    const std::int8_t* const w =
        weights.packed + (static_cast<std::ptrdiff_t>(row / kRowTile) * p.depth * kRowTile + row % kRowTile) * 4;
    for (int column = columns.begin; column < columns.end; ++column) {
      if (!p.columns.wanted(column)) continue;
      std::int32_t sum = -p.x.zero_point * weights.row_sum[row];
      for (int d = 0; d < p.depth; ++d) sum += dot(w + d * kRowTile * 4, x[p.x.offsets[d] + column]);
      store(sum, weights, p, output, row, column);
    }
  }
}

void filter(const Int8Weights& filters, const Product& p, const QuantizedOutput* output, Range rows, Range columns) {
  const auto* const x = static_cast<const Int8x4*>(p.x.data);
  for (int row = rows.begin; row < rows.end; ++row) {
    const std::int8_t* const w =
        filters.packed + static_cast<std::ptrdiff_t>(row / 4) * filters.depth * 4 + row % 4 * 4;
    for (int column = columns.begin; column < columns.end; ++column) {
      if (!p.columns.wanted(column)) continue;
      std::int32_t sum = -p.x.zero_point * filters.row_sum[row];
      for (int tap = 0; tap < p.depth; ++tap) {
        const Int8x4 element = x[p.x.offsets[tap] + column];
        sum += w[tap / 4 * 16 + tap % 4] * static_cast<std::int32_t>(element >> (row % 4 * 8) & 255u);
      }
      store(sum, filters, p, output, row, column);
    }
  }
}

void multiply_vector(const Int8Weights& weights, const Int8x4* x, const Quantization& q, float* y,
                     const Epilogue& epilogue, Range rows, void*) {
  for (int row = rows.begin; row < rows.end; ++row) {
    const std::int8_t* const w =
        weights.packed + (static_cast<std::ptrdiff_t>(row / kRowTile) * weights.depth * kRowTile + row % kRowTile) * 4;
    std::int32_t sum = -q.zero_point * weights.row_sum[row];
    for (int d = 0; d < weights.depth; ++d) sum += dot(w + d * kRowTile * 4, x[d]);
    y[row] = finished8(sum, weights.scale[row] * q.scale, epilogue, row, row);
  }
}

void quantize_channels(const float* const channels[4], int count, const Quantization& q, Int8x4* out) {
  for (int i = 0; i < count; ++i) {
    out[i] = 0;
    for (int c = 0; c < 4; ++c) {
      if (channels[c] != nullptr) out[i] |= quantized(channels[c][i], q) << (8 * c);
    }
  }
}

void quantize_vector(const float* x, int count, const Quantization& q, std::uint8_t* out) {
  for (int i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(quantized(x[i], q));
}

void range(const float* x, std::size_t count, float* low, float* high) {
  for (std::size_t i = 0; i < count; ++i) {
    *low = x[i] < *low ? x[i] : *low;
    *high = x[i] > *high ? x[i] : *high;
  }
}

}  // namespace

const Int8Kernels kInt8Scalar{kRowTile, 1, false, nullptr, multiply, filter, multiply_vector, quantize_channels, quantize_vector,
                              range};

}  // namespace featherweight::kernels
