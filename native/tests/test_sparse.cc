// Sparse formats on every instruction set of this machine against float64, at sizes around their tiles.
#include "kernel_cases.h"
#include "kernels/weights.h"

using namespace featherweight::kernels;

namespace {

constexpr Activation kActivations[] = {Activation::none, Activation::clip, Activation::hard_swish};

// Cases of all formats, and some that cross bands of X and tiles of 64 columns.
std::vector<Case> sparse_cases() {
  std::vector<Case> all = cases();
  for (const int depth : {127, 128, 129, 256, 257, 600}) {
    for (const Columns& columns : {Columns{1, 1, 1}, Columns{130, 130, 130}, Columns{255, 16, 14}}) {
      all.push_back({19, depth, columns});
    }
  }
  return all;
}

// Of `distinct` different values, or of as many as there are weights if 0; `density` of them kept.
std::vector<float> sparse_weights(const Case& size, double density, int distinct, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<float> values(static_cast<std::size_t>(distinct)), weights;
  for (float& value : values) value = normal(random);
  for (int i = 0; i < size.rows * size.depth; ++i) {
    const float value = distinct > 0 ? values[random() % values.size()] : normal(random);
    weights.push_back(uniform(random) < density ? value : 0.0f);
  }
  return weights;
}

template <class Make>
void test_format(Make make, double tolerance) {
  std::mt19937 random(2);
  int turn = 0;
  for (const Case& size : sparse_cases()) {
    for (const int distinct : {0, 256, 255, 31, 16, 15, 1}) {
      const double density = turn % 5 == 0 ? 1.0 : turn % 5 == 1 ? 0.0 : 0.2;
      const std::vector<float> weights = sparse_weights(size, density, distinct, random);
      const Problem problem(size, weights, kActivations[turn++ % 3], random);
      const SparseFromDense sparse(weights.data(), size.rows, size.depth);
      check_product(*make(sparse.view()), problem, tolerance);
    }
  }
}

// A file's codes may name an entry that is zero, and entries that nothing uses.
void test_codes_of_a_file() {
  const std::vector<std::uint32_t> row_start{0, 2, 2, 3};
  const std::vector<std::uint16_t> columns{0, 2, 1};
  const std::vector<std::uint8_t> codes{3, 1, 2};
  const std::vector<float> codebook{9.0f, 0.0f, 2.0f, -1.0f};
  const std::vector<float> dense{-1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 2.0f, 0.0f};
  const SparseWeights weights{3, 3, row_start.data(), columns.data(), codes.data(), codebook.data(), 4,
                              nullptr};
  std::mt19937 random(3);
  const Problem problem({3, 3, Columns{1, 1, 1}}, dense, Activation::none, random);
  check_product(*make_csr(weights, Use::columns), problem, 2e-5);
  check_product(*make_blocks(weights, 4, Use::columns), problem, 2e-5);
  check_product(*make_blocks(weights, 8, Use::vector), problem, 2e-5);
}

}  // namespace

int main() {
  for (const InstructionSet set : available()) {
    choose(set);
    std::printf("%s\n", name_of(set));
    for (const Use use : {Use::columns, Use::vector}) {
      test_format([use](const SparseWeights& w) { return make_csr(w, use); }, 5e-5);
      test_format([use](const SparseWeights& w) { return make_blocks(w, 4, use); }, 5e-5);
      test_format([use](const SparseWeights& w) { return make_blocks(w, 8, use); }, 5e-5);
    }
    test_codes_of_a_file();
  }
}
