// Depthwise convolution of one channel, read where it lies: no padded copy is made.
#pragma once

#include "kernels/product.h"
#include "kernels/window.h"

namespace featherweight::kernels {

// One instruction set's functions. `weights`: [kernel_y][kernel_x], `row`: the channel, for scale and
// bias; `x`, `y` and the epilogue's residual are those of this channel.
struct DepthwiseKernels {
  void (*channel)(const PlaneWindow& layer, const float* weights, const float* x, int row, float* y,
                  const Epilogue& epilogue);
};

extern const DepthwiseKernels kDepthwiseScalar, kDepthwiseAvx2, kDepthwiseAvx512;

}  // namespace featherweight::kernels
