// Weights in slots: the 8-bit sums are the same integers everywhere and near float64; exact ones are
// float32 sums.
#include <functional>
#include <stdexcept>

#include "kernel_cases.h"
#include "kernels/slots/slots.h"
#include "kernels/two_of_sixteen/two_of_sixteen.h"

using namespace featherweight::kernels;

namespace {

struct Shape {
  int rows, depth;
};

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const int rows : {1, 15, 16, 17, 50}) {
    for (const int depth : {1, 15, 16, 17, 31, 32, 33, 64, 65, 500}) all.push_back({rows, depth});
  }
  return all;
}

// `distinct`: different values, 0 for no codebook. `most`: kept of 16 columns.
std::vector<float> sparse_weights(const Shape& size, double density, int distinct, int most,
                                  std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<float> values(static_cast<std::size_t>(distinct)), weights;
  for (float& value : values) value = normal(random);
  for (int row = 0; row < size.rows; ++row) {
    for (int d = 0, kept = 0; d < size.depth; ++d) {
      if (d % 16 == 0) kept = 0;
      const bool keep = kept < most && uniform(random) < density;
      const float value = distinct > 0 ? values[random() % values.size()] : normal(random);
      weights.push_back(keep ? value : 0.0f);
      kept += keep;
    }
  }
  return weights;
}

std::vector<float> product(const Matrix& matrix, const std::vector<float>& x, int rows) {
  CHECK(!matrix.multiplies_columns());
  const auto scratch = featherweight::aligned_array<unsigned char>(matrix.scratch_bytes());
  std::vector<float> whole(static_cast<std::size_t>(rows), NAN), cut = whole;
  matrix.multiply_vector(x.data(), whole.data(), {}, {0, rows}, scratch.get());
  for (int row = 0; row < rows; row += matrix.row_tile()) {
    matrix.multiply_vector(x.data(), cut.data(), {}, {row, std::min(rows, row + matrix.row_tile())},
                           scratch.get());
  }
  CHECK(cut == whole);
  return whole;
}

// |sum of w (x - x') + (w - w') x'|: at most half a step of x a weight, half a step of w an x.
void check_near(const std::vector<float>& y, const std::vector<float>& weights, const std::vector<float>& x,
                bool exact) {
  float most_x = 0.0f, most_w = 0.0f;
  for (const float value : x) most_x = std::max(most_x, std::abs(value));
  for (const float value : weights) most_w = std::max(most_w, std::abs(value));
  for (std::size_t row = 0; row < y.size(); ++row) {
    double sum = 0.0, magnitude = 0.0, bound = 0.0;
    for (std::size_t d = 0; d < x.size(); ++d) {
      const double w = weights[row * x.size() + d];
      sum += w * x[d];
      magnitude += std::abs(w * x[d]);
      if (w != 0.0) bound += std::abs(w) * most_x / 254 + most_w / 254 * (std::abs(x[d]) + most_x / 254);
    }
    CHECK(std::abs(y[row] - sum) <= 1e-5 * magnitude + (exact ? 0.0 : bound * 1.0001));
  }
}

using Make = std::function<std::unique_ptr<Matrix>(const SparseWeights&)>;

void test_format(const Make& make, bool exact, int most) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const Shape& size : shapes()) {
    for (const int distinct : {15, 1, 16, 32, 256, 0}) {
      if (exact && distinct != 15 && distinct != 1) continue;
      for (const double density : {0.0, 0.09, 0.3, 1.0}) {
        const std::vector<float> weights = sparse_weights(size, density, distinct, most, random);
        std::vector<float> x(static_cast<std::size_t>(size.depth));
        for (float& value : x) value = normal(random);
        const SparseFromDense sparse(weights.data(), size.rows, size.depth);
        std::vector<float> first;
        for (const InstructionSet set : available()) {
          choose(set);
          const std::vector<float> y = product(*make(sparse.view()), x, size.rows);
          check_near(y, weights, x, exact);
          if (!exact && !first.empty()) CHECK(y == first);
          first = y;
        }
      }
    }
  }
}

void test_epilogue() {
  std::mt19937 random(5);
  for (const InstructionSet set : available()) {
    choose(set);
    for (const Activation activation : {Activation::none, Activation::clip, Activation::hard_swish}) {
      const std::vector<float> weights = sparse_weights({21, 40}, 0.5, 9, 16, random);
      const Problem problem({21, 40, Columns{1, 1, 1}}, weights, activation, random);
      const SparseFromDense sparse(weights.data(), 21, 40);
      check_product(*make_slots(sparse.view(), true), problem, 2e-5);
    }
  }
}

// Zeros and tiny numbers give zeros, what is not finite gives NaN, halves round to even.
void test_unusual_activations() {
  std::vector<float> weights(40, 0.0f);
  weights[0] = 127.0f;
  weights[20] = -64.0f;
  const SparseFromDense sparse(weights.data(), 1, 40);
  for (const InstructionSet set : available()) {
    choose(set);
    const auto matrix = make_slots(sparse.view(), false);
    std::vector<float> x(40, 0.0f);
    CHECK(product(*matrix, x, 1)[0] == 0.0f);
    x[3] = 1e-44f;
    CHECK(product(*matrix, x, 1)[0] == 0.0f);
    x = std::vector<float>(40, 0.0f);
    x[0] = 2.5f, x[1] = -127.0f, x[20] = 3.5f;
    CHECK(product(*matrix, x, 1)[0] == 2.0f * 127.0f - 4.0f * 64.0f);
    for (const float value : {INFINITY, -INFINITY, NAN}) {
      x[39] = value;
      const auto scratch = featherweight::aligned_array<unsigned char>(matrix->scratch_bytes());
      float y = 0.0f;
      matrix->multiply_vector(x.data(), &y, {}, {0, 1}, scratch.get());
      CHECK(std::isnan(y));
    }
  }
}

void test_refusals() {
  std::vector<float> weights(32, 0.0f);
  weights[17] = weights[18] = 1.0f;
  make_two_of_sixteen(SparseFromDense(weights.data(), 1, 32).view(), false);
  weights[31] = 1.0f;
  CHECK_THROWS(make_two_of_sixteen(SparseFromDense(weights.data(), 1, 32).view(), false),
               std::invalid_argument);
  for (int i = 0; i < 30; ++i) weights[i] = static_cast<float>(i);
  CHECK_THROWS(make_slots(SparseFromDense(weights.data(), 1, 32).view(), true), std::invalid_argument);
}

}  // namespace

int main() {
  for (const bool exact : {false, true}) {
    test_format([exact](const SparseWeights& w) { return make_slots(w, exact); }, exact, 16);
    test_format([exact](const SparseWeights& w) { return make_two_of_sixteen(w, exact); }, exact, 2);
  }
  test_epilogue();
  test_unusual_activations();
  test_refusals();
}
