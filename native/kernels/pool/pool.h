// Maxima and sums over windows of one channel's plane; what lies outside of the plane does not count.
#pragma once

#include <cstddef>

#include "kernels/window.h"

namespace featherweight::kernels {

// Floats of `line`: one line of inputs, combined over the window's lines.
std::size_t pool_line_size(const PlaneWindow& window);

// One instruction set's functions. Both pass NaN on.
struct PoolKernels {
  void (*max)(const PlaneWindow& window, const float* x, float* y, float* line);
  void (*sum)(const PlaneWindow& window, const float* x, float* y, float* line);
};

extern const PoolKernels kPoolScalar, kPoolAvx2, kPoolAvx512;

}  // namespace featherweight::kernels
