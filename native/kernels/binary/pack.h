// From float32 channels to words of 32 sign bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace featherweight::kernels {

constexpr int kBitsInWord = 32;

constexpr int words_of(int channels) { return (channels + kBitsInWord - 1) / kBitsInWord; }

// `count` pixels of at most 32 channels, channel c at x + c * stride: bit c of signs[i] is whether
// pixel i is negative there (not for -0 and NaN). Bits of channels that are missing are 0.
// Unless null, magnitudes[i] grows by the sum over the channels of |x|, in their order.
void pack_planes(const float* x, std::ptrdiff_t stride, int channels, int count, std::uint32_t* signs,
                 float* magnitudes);

// `count` channels of one pixel, side by side: words_of(count) words.
void pack_vector(const float* x, int count, std::uint32_t* signs);

}  // namespace featherweight::kernels
