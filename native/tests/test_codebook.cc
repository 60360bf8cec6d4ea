// Codes of 4 and 8 bits against float64, on every instruction set, at sizes around the tiles.
#include <stdexcept>

#include "kernel_cases.h"
#include "kernels/int8/pack.h"

using namespace featherweight::kernels;

namespace {

struct Shared {
  std::vector<std::uint8_t> codes;
  std::vector<float> codebook, weights;

  Shared() = default;
  Shared(int rows, int depth, int entries, std::mt19937& random) {
    std::normal_distribution<float> normal;
    std::uniform_int_distribution<int> code(0, entries - 1);
    for (int i = 0; i < entries; ++i) codebook.push_back(normal(random));
    for (int i = 0; i < rows * depth; ++i) {
      codes.push_back(static_cast<std::uint8_t>(code(random)));
      weights.push_back(codebook[codes.back()]);
    }
  }
};

void test_products() {
  std::mt19937 random(11);
  for (const Case& size : cases()) {
    for (const int entries : {1, 13, 16, 17, 256}) {
      const Shared w(size.rows, size.depth, entries, random);
      const auto activation = static_cast<Activation>((size.rows + size.depth) % 3);
      const Problem problem(size, w.weights, activation, random);
      const auto matrix = make_codebook(w.codes.data(), w.codebook.data(), entries, size.rows, size.depth);
      CHECK(matrix->format() == std::string(entries <= 16 ? "codebook4" : "codebook8"));
      check_product(*matrix, problem, 5e-5);
    }
  }
}

std::vector<float> vector_product(const Shared& w, int rows, const std::vector<float>& x,
                                  VectorPrecision precision) {
  CodebookOptions options;
  options.vector = precision;
  const auto matrix = make_codebook(w.codes.data(), w.codebook.data(), 16, rows, static_cast<int>(x.size()), options);
  std::vector<unsigned char> scratch(matrix->scratch_bytes() + 64);
  std::vector<float> y(static_cast<std::size_t>(rows));
  matrix->multiply_vector(x.data(), y.data(), {}, {0, rows},
                          scratch.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64));
  return y;
}

// x and codebook in whole numbers up to `x_most` and `w_most`; the sums are exact, and so is the result.
std::vector<float> expected(const Shared& w, int rows, const std::vector<float>& x, const Quantization& q,
                            int w_most) {
  float most = 0.0f;
  for (const float value : w.codebook) most = std::max(most, std::abs(value));
  const float step = most / static_cast<float>(w_most);
  std::vector<float> y;
  for (int row = 0; row < rows; ++row) {
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const float value = w.codebook[w.codes[row * x.size() + k]];
      const int weight = static_cast<int>(std::nearbyint(value / step));
      const int steps = static_cast<int>(std::nearbyint(x[k] / q.scale));
      sum += weight * std::min(q.top - q.zero_point, std::max(-q.zero_point, steps));
    }
    y.push_back(static_cast<float>(sum) * (step * q.scale));
  }
  return y;
}

void test_quantized_vectors() {
  std::mt19937 random(12);
  std::normal_distribution<float> normal;
  for (const int depth : {1, 15, 16, 31, 33, 64, 127, 128, 129, 300, 9216}) {
    const int rows = 7;
    const Shared w(rows, depth, 16, random);
    std::vector<float> x(static_cast<std::size_t>(depth));
    for (float& value : x) value = normal(random);
    CHECK(vector_product(w, rows, x, VectorPrecision::int8) ==
          expected(w, rows, x, measure_quantization(x.data(), x.size(), 127), 127));
    float most = 0.0f;
    for (const float value : x) most = std::max(most, std::abs(value));
    CHECK(vector_product(w, rows, x, VectorPrecision::int16) ==
          expected(w, rows, x, {most / kMostWord, kMostWord, 2 * kMostWord}, kMostWord));
  }
}

// All at the ends of their ranges: the sums reach their bounds.
void test_largest_sums() {
  const int depth = 20000;
  Shared w;
  w.codebook.assign(16, -3.0f);
  w.codes.assign(depth, 9);
  const std::vector<float> x(depth, 5.0f);
  const float exact = -3.0f * 5.0f * depth;
  for (const VectorPrecision precision : {VectorPrecision::int16, VectorPrecision::int8}) {
    CHECK(std::abs(vector_product(w, 1, x, precision)[0] - exact) <= 1e-5f * std::abs(exact));
  }
}

void test_size_and_refusals() {
  const std::vector<std::uint8_t> codes(128 * 64, 3);
  const float codebook[4] = {1, 2, 3, 4};
  CHECK(make_codebook(codes.data(), codebook, 4, 64, 128)->bytes() <= 64 * 128 / 2 + 128);
  CHECK_THROWS(make_codebook(codes.data(), codebook, 3, 1, 4), std::invalid_argument);
  CHECK_THROWS(make_codebook(codes.data(), codebook, 0, 1, 4), std::invalid_argument);
}

}  // namespace

int main() {
  for (const InstructionSet set : available()) {
    choose(set);
    std::printf("%s\n", name_of(set));
    test_products();
    test_quantized_vectors();
    test_largest_sums();
    test_size_and_refusals();
  }
}
