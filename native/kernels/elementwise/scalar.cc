// The specification. Sums are those of float64.
#include <cmath>

#include "kernels/elementwise/elementwise.h"
#include "kernels/finish_scalar.h"

namespace featherweight::kernels {
namespace {

float clip(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

float value_of(Function f, float a, float b, float x) {
  switch (f) {
    case Function::clip: return clip(x, a, b);
    case Function::hard_swish: return x * clip(x / 6.0f + 0.5f, 0.0f, 1.0f);
    case Function::hard_sigmoid: return clip(a * x + b, 0.0f, 1.0f);
    case Function::leaky_relu: return x < 0.0f ? a * x : x;
    case Function::exp: return std::exp(x);
    case Function::sigmoid: return 1.0f / (1.0f + std::exp(-x));
    case Function::tanh: return std::tanh(x);
    case Function::erf: return std::erf(x);
    case Function::gelu: return 0.5f * x * (1.0f + std::erf(x * 0.70710678118f));
    case Function::gelu_tanh:
      return 0.5f * x * (1.0f + std::tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
  }
  return x;
}

void apply(Function f, float a, float b, const float* x, float* y, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; ++i) y[i] = value_of(f, a, b, x[i]);
}

float combined(Operation operation, float a, float b) {
  switch (operation) {
    case Operation::add: return a + b;
    case Operation::subtract: return a - b;
    case Operation::multiply: return a * b;
    case Operation::divide: return a / b;
  }
  return a;
}

void combine(Operation operation, const float* a, int step_a, const float* b, int step_b, float* y,
             std::ptrdiff_t count, const Ending& e) {
  for (std::ptrdiff_t i = 0; i < count; ++i) y[i] = ended(combined(operation, a[i * step_a], b[i * step_b]), e);
}

void softmax(const float* x, float* y, std::ptrdiff_t count) {
  float most = x[0];
  for (std::ptrdiff_t i = 1; i < count; ++i) most = std::max(most, x[i]);
  double sum = 0.0;
  for (std::ptrdiff_t i = 0; i < count; ++i) sum += y[i] = std::exp(x[i] - most);
  for (std::ptrdiff_t i = 0; i < count; ++i) y[i] = static_cast<float>(y[i] / sum);
}

double sum_of(const float* x, std::ptrdiff_t count) {
  double sum = 0.0;
  for (std::ptrdiff_t i = 0; i < count; ++i) sum += x[i];
  return sum;
}

void layer_norm(const float* x, const float* scale, const float* bias, float epsilon, float* y,
                std::ptrdiff_t count) {
  const double mean = sum_of(x, count) / static_cast<double>(count);
  double squares = 0.0;
  for (std::ptrdiff_t i = 0; i < count; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(count) + epsilon);
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    y[i] = static_cast<float>((x[i] - mean) * inverse) * scale[i] + bias[i];
  }
}

float sum(const float* x, std::ptrdiff_t count) { return static_cast<float>(sum_of(x, count)); }

void response_norm(const float* x, std::ptrdiff_t stride, int first, int last, float bias, float alpha, float* y,
                   std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    float sum = 0.0f;
    for (int c = first; c <= last; ++c) sum += x[c * stride + i] * x[c * stride + i];
    const float root = std::sqrt(bias + alpha * sum);
    y[i] = x[i] / (root * std::sqrt(root));
  }
}

}  // namespace

const ElementwiseKernels kElementwiseScalar{apply, combine, softmax, layer_norm, sum, response_norm};

}  // namespace featherweight::kernels
