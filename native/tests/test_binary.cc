// Binary products against integer arithmetic, equal bit for bit on every instruction set.
#include <algorithm>
#include <cstring>

#include "kernel_cases.h"
#include "kernels/binary/binary.h"
#include "kernels/binary/pack.h"
#include "kernels/binary_weight/binary_weight.h"

using namespace featherweight::kernels;

namespace {

struct Size {
  int rows, channels, taps;
  Columns columns;
};

std::vector<Size> sizes() {
  std::vector<Size> all;
  for (const int rows : {1, 16, 31, 33, 65, 130}) {
    for (const auto& [channels, taps] : {std::pair{1, 1}, {32, 1}, {33, 3}, {70, 9}, {256, 9}}) {
      for (const Columns& columns : {Columns{1, 1, 1}, Columns{16, 16, 16}, Columns{33, 33, 33},
                                     Columns{61, 9, 7}, Columns{97, 34, 29}, Columns{79, 40, 39}}) {
        all.push_back({rows, channels, taps, columns});
      }
    }
  }
  return all;
}

std::vector<float> normal(std::size_t count, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& x : values) x = distribution(random);
  for (std::size_t i = 0; i < count; i += 7) values[i] = i % 2 ? 0.0f : -0.0f;
  return values;
}

// What a format must give: sums in integers, and the epilogue in one rounding for each of its steps.
struct BinaryProblem {
  Size size;
  std::vector<float> weights, scale, bias, residual, column_scale;
  std::vector<std::uint32_t> x;
  std::vector<std::int32_t> offsets;
  int words, plane, wanted = 0;

  BinaryProblem(const Size& size_, std::mt19937& random) : size(size_) {
    weights = normal(static_cast<std::size_t>(size.rows) * size.channels * size.taps, random);
    words = words_of(size.channels);
    plane = size.columns.count + size.taps;
    x.resize(static_cast<std::size_t>(words) * plane);
    for (int w = 0; w < words; ++w) {
      const int valid = std::min(32, size.channels - w * 32);
      for (int i = 0; i < plane; ++i) {
        x[w * plane + i] = static_cast<std::uint32_t>(random()) >> (32 - valid);
      }
      for (int t = 0; t < size.taps; ++t) offsets.push_back(w * plane + t);
    }
    for (int c = 0; c < size.columns.count; ++c) wanted += size.columns.wanted(c);
    scale = normal(size.rows, random);
    bias = normal(size.rows, random);
    residual = normal(static_cast<std::size_t>(size.rows) * wanted, random);
    column_scale = normal(wanted, random);
  }

  int sign_of_x(int channel, int tap, int column) const {
    return x[offsets[channel / 32 * size.taps + tap] + column] >> channel % 32 & 1 ? -1 : 1;
  }

  std::vector<float> expected() const {
    std::vector<float> y(static_cast<std::size_t>(size.rows) * wanted);
    for (int row = 0; row < size.rows; ++row) {
      for (int column = 0; column < size.columns.count; ++column) {
        if (!size.columns.wanted(column)) continue;
        int sum = 0;
        for (int c = 0; c < size.channels; ++c) {
          for (int t = 0; t < size.taps; ++t) {
            const float w = weights[(row * size.channels + c) * size.taps + t];
            sum += (w < 0 ? -1 : 1) * sign_of_x(c, t, column);
          }
        }
        const int stored = size.columns.stored(column);
        const std::size_t at = static_cast<std::size_t>(row) * wanted + stored;
        const float scaled = static_cast<float>(sum) * column_scale[stored];
        y[at] = std::min(1.5f, std::max(-2.5f, std::fma(scaled, scale[row], bias[row]) + residual[at]));
      }
    }
    return y;
  }

  Product product(float* y) const {
    Product p;
    p.rows = size.rows;
    p.depth = words * size.taps;
    p.x = {x.data(), offsets.data()};
    p.columns = size.columns;
    p.y = y;
    p.y_stride = wanted;
    p.epilogue = {scale.data(), bias.data(), residual.data(), column_scale.data(),
                  {Activation::clip, -2.5f, 1.5f}};
    return p;
  }
};

void test_product(const BinaryProblem& problem, const std::vector<float>& expected) {
  const Size& size = problem.size;
  const auto matrix = make_binary(problem.weights.data(), size.rows, size.channels, size.taps);
  std::vector<unsigned char> memory(matrix->scratch_bytes() + 64);
  void* const scratch = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
  std::vector<float> y(expected.size(), NAN);
  matrix->multiply(problem.product(y.data()), {0, size.rows}, {0, size.columns.count}, scratch);
  CHECK(y == expected);
  std::fill(y.begin(), y.end(), NAN);
  const Product product = problem.product(y.data());
  for (int row = 0; row < size.rows; row += matrix->row_tile()) {
    for (int column = 0; column < size.columns.count; column += 11) {
      matrix->multiply(product, {row, std::min(size.rows, row + matrix->row_tile())},
                       {column, std::min(size.columns.count, column + 11)}, scratch);
    }
  }
  CHECK(y == expected);
  if (size.columns.count > 1) return;
  std::vector<float> x(static_cast<std::size_t>(size.channels) * size.taps);
  for (int c = 0; c < size.channels; ++c) {
    for (int t = 0; t < size.taps; ++t) {
      x[c * size.taps + t] = static_cast<float>(problem.sign_of_x(c, t, 0));
    }
  }
  std::fill(y.begin(), y.end(), NAN);
  matrix->multiply_vector(x.data(), y.data(), product.epilogue, {0, size.rows}, scratch);
  CHECK(y == expected);
}

void test_packing(std::mt19937& random) {
  for (const int channels : {1, 5, 31, 32}) {
    for (const int count : {1, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100}) {
      const int stride = count + 3;
      std::vector<float> x = normal(static_cast<std::size_t>(channels) * stride, random);
      x[0] = NAN;
      std::vector<std::uint32_t> signs(count + 1, 0xabcdu), expected(count, 0u);
      std::vector<float> magnitudes(count + 1, 2.0f), sums(count, 0.0f);
      for (int c = 0; c < channels; ++c) {
        for (int i = 0; i < count; ++i) {
          expected[i] |= static_cast<std::uint32_t>(x[c * stride + i] < 0) << c;
          sums[i] += std::abs(x[c * stride + i]);
        }
      }
      pack_planes(x.data(), stride, channels, count, signs.data(), magnitudes.data());
      for (int i = 0; i < count; ++i) {
        CHECK(signs[i] == expected[i]);
        CHECK(i == 0 || magnitudes[i] == 2.0f + sums[i]);
      }
      CHECK(signs[count] == 0xabcdu && magnitudes[count] == 2.0f);
      std::vector<std::uint32_t> vector(words_of(count));
      pack_vector(x.data(), count, vector.data());
      for (int i = 0; i < count; ++i) CHECK((vector[i / 32] >> i % 32 & 1) == (x[i] < 0));
    }
  }
}

// More bits than the 16-bit counts of AVX2 hold.
void test_deep() {
  const int channels = 70001;
  const std::vector<float> ones(channels, 1.0f);
  std::vector<float> weights = ones, y(1);
  for (int i = 0; i < 69000; ++i) weights[i] = -1.0f;
  const auto matrix = make_binary(weights.data(), 1, channels, 1);
  std::vector<unsigned char> scratch(matrix->scratch_bytes());
  matrix->multiply_vector(ones.data(), y.data(), {}, {0, 1}, scratch.data());
  CHECK(y[0] == 70001 - 2 * 69000);
}

// Against float64, and against what the specification gives, bit for bit.
void test_real_inputs(std::mt19937& random) {
  for (const Case& size : cases()) {
    std::vector<float> weights = normal(static_cast<std::size_t>(size.rows) * size.depth, random), signs = weights;
    for (float& w : signs) w = w < 0 ? -1.0f : 1.0f;
    const Problem problem(size, signs, Activation::hard_swish, random);
    const auto matrix = make_binary_weight(weights.data(), size.rows, size.depth);
    check_product(*matrix, problem, 2e-5);
    const InstructionSet set = active_kernels().set;
    choose(InstructionSet::scalar);
    const auto specification = make_binary_weight(weights.data(), size.rows, size.depth);
    choose(set);
    std::vector<float> y(problem.expected.size()), expected = y;
    const std::size_t bytes = matrix->scratch_bytes() + 64;
    std::vector<unsigned char> memory(bytes);
    void* const scratch = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
    const Range rows{0, size.rows}, columns{0, size.columns.count};
    matrix->multiply(problem.product(y.data()), rows, columns, scratch);
    specification->multiply(problem.product(expected.data()), rows, columns, scratch);
    CHECK(y == expected);
  }
}

}  // namespace

int main() {
  for (const InstructionSet set : available()) {
    choose(set);
    std::printf("%s\n", name_of(set));
    std::mt19937 random(2);
    test_packing(random);
    test_deep();
    test_real_inputs(random);
    for (const Size& size : sizes()) {
      const BinaryProblem problem(size, random);
      test_product(problem, problem.expected());
    }
  }
}
