// Depthwise convolution of one channel, whose planes are padded and split by phases (planes/planes.h):
// y[p] = epilogue(sum over taps t of w[t] * x[offsets[t] + p]).
#pragma once

#include <vector>

#include "kernels/product.h"

namespace featherweight::kernels {

// Taps one line apart: tap `first + j * step` reads at `offset + j * pitch`, j < length. What they read
// for one line of outputs they read again for the next ones, so a vector of pixels is loaded once.
struct TapChain {
  std::int32_t offset;
  int first, step, length;
};

constexpr int kLongestChain = 5;

// All taps as chains, in the order in which they are summed.
std::vector<TapChain> tap_chains(const std::vector<std::int32_t>& offsets, int pitch);

// One instruction set's functions. `row`: the channel, for scale and bias; `y` and the epilogue's
// residual are those of this channel.
struct DepthwiseKernels {
  void (*channel)(const float* weights, const TapChain* chains, int count, const float* x,
                  const Columns& columns, int row, float* y, const Epilogue& epilogue);
};

extern const DepthwiseKernels kDepthwiseScalar, kDepthwiseAvx2, kDepthwiseAvx512;

}  // namespace featherweight::kernels
