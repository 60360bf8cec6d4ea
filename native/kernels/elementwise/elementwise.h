// Functions of contiguous floats.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/product.h"

namespace featherweight::kernels {

// With their parameters a and b: clip to [a, b]; hard_sigmoid is clip(a x + b, 0, 1); leaky_relu is a x
// where x < 0. gelu_tanh is GELU by its tanh approximation.
enum class Function : std::uint8_t {
  clip, hard_swish, hard_sigmoid, leaky_relu, exp, sigmoid, tanh, erf, gelu, gelu_tanh
};
enum class Operation : std::uint8_t { add, subtract, multiply, divide };

// One instruction set's functions. y may be x.
struct ElementwiseKernels {
  void (*apply)(Function function, float a, float b, const float* x, float* y, std::ptrdiff_t count);
  // A step is 1, or 0: the same number for all.
  void (*combine)(Operation operation, const float* a, int step_a, const float* b, int step_b, float* y,
                  std::ptrdiff_t count, const Ending& ending);
  void (*softmax)(const float* x, float* y, std::ptrdiff_t count);
  // y = (x - mean) / sqrt(variance + epsilon) * scale + bias, the variance being the mean of squares.
  void (*layer_norm)(const float* x, const float* scale, const float* bias, float epsilon, float* y,
                     std::ptrdiff_t count);
  float (*sum)(const float* x, std::ptrdiff_t count);
  // Local response normalization with the power 3/4 of AlexNet, of one channel's plane `x`: y = x / s^0.75, where
  // s = bias + alpha * (sum of squares in the planes `first` ... `last`, `stride` apart, 0 being x's own).
  // y is not x.
  void (*response_norm)(const float* x, std::ptrdiff_t stride, int first, int last, float bias, float alpha, float* y,
                        std::ptrdiff_t count);
};

extern const ElementwiseKernels kElementwiseScalar, kElementwiseAvx2, kElementwiseAvx512;

}  // namespace featherweight::kernels
