#include "runtime/weights.h"

#include "kernels/dense/dense.h"

namespace featherweight::runtime {

Weights make_weights(const Plan& plan, const Node& node, std::size_t input, const Use& use, kernels::Range rows,
                     bool is_transposed) {
  const std::vector<float> stored = plan.model().floats(node, input);
  Weights weights;
  const auto depth = static_cast<std::size_t>(use.depth);
  if (!is_transposed) {
    weights.matrix = kernels::make_dense(stored.data() + static_cast<std::size_t>(rows.begin) * depth, rows.size(), use.depth);
    return weights;
  }
  std::vector<float> turned(static_cast<std::size_t>(rows.size()) * depth);
  for (int r = 0; r < rows.size(); ++r) {
    for (std::size_t d = 0; d < depth; ++d) {
      turned[static_cast<std::size_t>(r) * depth + d] = stored[d * static_cast<std::size_t>(use.rows) + static_cast<std::size_t>(rows.begin + r)];
    }
  }
  weights.matrix = kernels::make_dense(turned.data(), rows.size(), use.depth);
  return weights;
}

}  // namespace featherweight::runtime
