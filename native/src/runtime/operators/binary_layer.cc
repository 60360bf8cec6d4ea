#include "runtime/operators/binary_layer.h"

#include <cmath>

namespace featherweight::runtime {

LayerEnd binary_end(Plan& plan, const Node& node, std::int64_t rows) {
  LayerEnd end = layer_end(plan, node, 3, rows);
  if (!node.has_input(2)) refuse(node, "it has no alpha");
  std::vector<float> scale = plan.model().floats(node, 2);
  if (static_cast<std::int64_t>(scale.size()) != rows) refuse(node, "its alpha must have one value a row");
  for (std::size_t i = 0; end.epilogue.scale && i < scale.size(); ++i) scale[i] *= end.epilogue.scale[i];
  end.epilogue.scale = plan.keep(std::move(scale));
  return end;
}

bool has_binary_input(const Node& node) { return node.integer("binary_input", 1) != 0; }

bool has_scale_map(const Node& node) { return node.integer("scale_map", 0) != 0; }

float magnitude(const float* x, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;  // sums side by side: in an order of its own on every machine
  float sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) sums[k] += std::abs(x[i + k]);
  }
  for (std::int64_t k = 0; i < count; ++i, ++k) sums[k] += std::abs(x[i]);
  float sum = 0.0f;
  for (const float each : sums) sum += each;
  return sum;
}

}  // namespace featherweight::runtime
