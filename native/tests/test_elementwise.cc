// Functions of contiguous floats on every instruction set of this machine, against float64.
#include <cmath>
#include <cstring>
#include <random>

#include "check.h"
#include "kernels/dispatch.h"

using namespace featherweight::kernels;

namespace {

double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Checked {
  Function function;
  double (*exact)(double);
  double relative, absolute;  // the largest error is relative * |y| + absolute
};

// GELU's error is that of 1 + erf, times x: absolute where it cancels, as in torch.
const Checked kChecked[] = {
    {Function::exp, [](double x) { return std::exp(x); }, 3e-7, 1.5e-45},
    {Function::sigmoid, sigmoid, 4e-7, 1e-38},
    {Function::tanh, [](double x) { return std::tanh(x); }, 3e-7, 0},
    {Function::erf, [](double x) { return std::erf(x); }, 4e-7, 0},
    {Function::gelu, gelu, 4e-7, 7e-7},
    {Function::gelu_tanh, gelu_tanh, 4e-7, 7e-7},
};

// Every 1001st float of either sign, infinities and NaN.
std::vector<float> all_floats() {
  std::vector<float> values;
  for (std::uint64_t bits = 0; bits < (1ull << 32); bits += 1001) {
    const auto word = static_cast<std::uint32_t>(bits);
    float value;
    std::memcpy(&value, &word, sizeof value);
    values.push_back(value);
  }
  for (const float value : {INFINITY, -INFINITY, NAN, 88.7f, 88.8f, -87.3f, -103.9f, 0.625f, -0.0f}) values.push_back(value);
  return values;
}

void test_functions(const ElementwiseKernels& kernels, bool is_vector) {
  const std::vector<float> x = all_floats();
  std::vector<float> y(x.size());
  for (const Checked& c : kChecked) {
    kernels.apply(c.function, 0, 0, x.data(), y.data(), static_cast<std::ptrdiff_t>(x.size()));
    double worst = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = c.exact(x[i]);
      if (std::isnan(exact)) {
        CHECK(std::isnan(y[i]));
      } else if (std::abs(exact) > 3.4028235677973366e38) {
        CHECK(y[i] == static_cast<float>(exact));
      } else {
        worst = std::max(worst, (std::abs(y[i] - exact) - c.absolute) / std::max(std::abs(exact), 1.2e-38));
      }
    }
    std::printf("  function %d: %.2g\n", static_cast<int>(c.function), worst);
    CHECK(!is_vector || worst <= c.relative);
  }
}

std::vector<float> normal(int count, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = distribution(random);
  return values;
}

void check_close(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) <= tolerance * (1 + std::abs(b[i])));
}

void test_rows(const ElementwiseKernels& kernels) {
  std::mt19937 random(1);
  for (const int count : {1, 7, 8, 15, 16, 17, 33, 100, 1000, 3001}) {
    const std::vector<float> a = normal(count, random), b = normal(count, random), c = normal(count, random);
    std::vector<float> y(a.size()), expected(a.size());
    Ending e;
    e.activation = Activation::clip;
    e.low = -1;
    e.high = 2;
    e.least = -20;
    e.most = 30;
    for (const Operation operation : {Operation::add, Operation::subtract, Operation::multiply, Operation::divide}) {
      e.step = operation == Operation::add ? 0.0f : 0.037f;
      for (const auto& [step_a, step_b] : {std::pair{1, 1}, {1, 0}, {0, 1}}) {
        kernels.combine(operation, a.data(), step_a, b.data(), step_b, y.data(), count, e);
        kElementwiseScalar.combine(operation, a.data(), step_a, b.data(), step_b, expected.data(), count, e);
        CHECK(y == expected);
      }
    }
    for (const Function f : {Function::clip, Function::hard_swish, Function::hard_sigmoid, Function::leaky_relu}) {
      kernels.apply(f, 0.2f, 0.5f, a.data(), y.data(), count);
      kElementwiseScalar.apply(f, 0.2f, 0.5f, a.data(), expected.data(), count);
      check_close(y, expected, 3e-7);
    }
    kernels.softmax(a.data(), y.data(), count);
    kElementwiseScalar.softmax(a.data(), expected.data(), count);
    check_close(y, expected, 1e-6);
    kernels.layer_norm(a.data(), b.data(), c.data(), 1e-5f, y.data(), count);
    kElementwiseScalar.layer_norm(a.data(), b.data(), c.data(), 1e-5f, expected.data(), count);
    check_close(y, expected, 3e-6);
    std::vector<float> planes = normal(5 * count, random), own(planes.begin() + 2 * count, planes.begin() + 3 * count);
    kernels.response_norm(planes.data() + 2 * count, count, -2, 2, 1.5f, 0.3f, y.data(), count);
    for (int i = 0; i < count; ++i) {
      double squares = 0.0;
      for (int c = 0; c < 5; ++c) squares += std::pow(static_cast<double>(planes[c * count + i]), 2.0);
      expected[i] = static_cast<float>(own[i] * std::pow(1.5 + 0.3 * squares, -0.75));
    }
    check_close(y, expected, 1e-6);
    CHECK(std::abs(kernels.sum(a.data(), count) - kElementwiseScalar.sum(a.data(), count)) <= 1e-6 * count);
  }
}

}  // namespace

int main() {
  for (const InstructionSet set : available()) {
    std::printf("%s\n", name_of(set));
    test_functions(kernels_of(set).elementwise, set != InstructionSet::scalar);
    test_rows(kernels_of(set).elementwise);
  }
}
