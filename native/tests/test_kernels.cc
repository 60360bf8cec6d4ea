// Every format on every instruction set of this machine against float64, at sizes around its tiles.
#include "kernel_cases.h"

using namespace featherweight::kernels;

namespace {

std::vector<float> random_weights(const Case& size, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> weights(static_cast<std::size_t>(size.rows) * size.depth);
  for (float& w : weights) w = normal(random);
  return weights;
}

void test_dense() {
  std::mt19937 random(1);
  for (const Case& size : cases()) {
    for (const Activation activation : {Activation::none, Activation::clip, Activation::hard_swish}) {
      const std::vector<float> weights = random_weights(size, random);
      const Problem problem(size, weights, activation, random);
      check_product(*make_dense(weights.data(), size.rows, size.depth), problem, 2e-5);
    }
  }
}

// The result must not depend on where another thread's rows and columns begin.
void check_halves(const Matrix& matrix, const Problem& problem) {
  std::vector<unsigned char> memory(matrix.scratch_bytes() + 64);
  void* const scratch = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
  const int rows = problem.size.rows, columns = problem.size.columns.count;
  const int row = std::min(rows, 64), column = columns / 3;
  std::vector<float> whole(problem.expected.size(), NAN), cut = whole;
  matrix.multiply(problem.product(whole.data()), {0, rows}, {0, columns}, scratch);
  const Product product = problem.product(cut.data());
  for (const Range& part : {Range{0, row}, Range{row, rows}}) {
    if (part.size() == 0) continue;
    matrix.multiply(product, part, {0, column}, scratch);
    matrix.multiply(product, part, {column, columns}, scratch);
  }
  CHECK(cut == whole);
}

// Around the blocks of depth and of columns that a product is cut into.
void test_large_dense() {
  std::mt19937 random(2);
  for (const int rows : {15, 49, 64, 130}) {
    for (const int depth : {96, 97, 128, 129, 193, 257}) {
      for (const Columns& columns : {Columns{13, 13, 13}, Columns{27, 1, 1}, Columns{169, 1, 1}, Columns{195, 15, 13},
                                     Columns{64, 9, 7}, Columns{53, 5, 3}, Columns{650, 1, 1}}) {
        const Case size{rows, depth, columns};
        const std::vector<float> weights = random_weights(size, random);
        const Problem problem(size, weights, Activation::clip, random);
        const auto matrix = make_dense(weights.data(), rows, depth);
        check_product(*matrix, problem, 1e-4);
        check_halves(*matrix, problem);
      }
    }
  }
}

}  // namespace

int main() {
  for (const InstructionSet set : available()) {
    choose(set);
    std::printf("%s\n", name_of(set));
    test_dense();
    test_large_dense();
  }
}
