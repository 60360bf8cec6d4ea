// From float32 activations to the operands of 8-bit products, with the active instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/int8/quantization.h"

namespace featherweight::kernels {

// The quantization that ONNX's DynamicQuantizeLinear gives to values in [low, high]: 0 is exact.
// Where all are 0, the scale is 1.
Quantization quantization_of(float low, float high, int top = 255);

// The same of `count` values: their range is measured.
Quantization measure_quantization(const float* x, std::size_t count, int top = 255);

// Elements of four channels: out[i] has channels[c][i] in byte c, quantized. A channel that is not
// there is null and its bytes are 0.
void quantize_channels(const float* const channels[4], int count, const Quantization& quantization,
                       Int8x4* out);

// What stands for 0.0 in all four channels: planes are padded with it.
inline Int8x4 zero_element(const Quantization& quantization) {
  return static_cast<Int8x4>(quantization.zero_point) * 0x01010101u;
}

}  // namespace featherweight::kernels
