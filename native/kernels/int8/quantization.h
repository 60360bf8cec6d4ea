// How float32 becomes 8 bits (docs/integer-arithmetic.md): x is about scale * (q - zero_point).
#pragma once

#include <cstdint>

namespace featherweight::kernels {

struct Quantization {
  float scale = 1.0f;
  std::int32_t zero_point = 0;
  std::int32_t top = 255;  // the largest q; 127 for the kernels that need 7 bits
};

// Four channels of one pixel: channel c is byte c % 4, the first the lowest.
using Int8x4 = std::uint32_t;

// Elements that so many channels take.
constexpr std::int64_t int8x4_count(std::int64_t channels) { return (channels + 3) / 4; }

}  // namespace featherweight::kernels
