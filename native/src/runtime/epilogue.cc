#include "runtime/epilogue.h"

#include <cmath>

namespace featherweight::runtime {

kernels::Epilogue LayerEnd::at(const Memory& memory, std::int64_t row, std::int64_t offset) const {
  kernels::Epilogue e = epilogue;
  if (e.scale) e.scale += row;
  if (e.bias) e.bias += row;
  if (residual >= 0) e.residual = memory.values[residual] + offset;
  return e;
}

NormVectors norm_vectors(const Model& model, const Node& norm) {
  const std::vector<float> gamma = model.floats(norm, 1), beta = model.floats(norm, 2);
  const std::vector<float> mean = model.floats(norm, 3), variance = model.floats(norm, 4);
  const double epsilon = norm.real("epsilon", 1e-5f);
  if (beta.size() != gamma.size() || mean.size() != gamma.size() || variance.size() != gamma.size()) {
    refuse(norm, "its vectors must be of one length");
  }
  NormVectors vectors;
  for (std::size_t i = 0; i < gamma.size(); ++i) {
    const double scale = gamma[i] / std::sqrt(variance[i] + epsilon);
    vectors.scale.push_back(static_cast<float>(scale));
    vectors.shift.push_back(static_cast<float>(beta[i] - mean[i] * scale));
  }
  return vectors;
}

LayerEnd layer_end(Plan& plan, const Node& node, std::size_t bias_input, std::int64_t rows) {
  LayerEnd end;
  std::vector<float> bias;
  if (node.has_input(bias_input)) {
    bias = plan.model().floats(node, bias_input);
    if (static_cast<std::int64_t>(bias.size()) == 1 && rows > 1) bias.assign(static_cast<std::size_t>(rows), bias[0]);
    if (static_cast<std::int64_t>(bias.size()) != rows) refuse(node, "its bias must have one value a row");
  }
  if (node.tail.norm >= 0) {
    const NormVectors norm = norm_vectors(plan.model(), plan.model().nodes[node.tail.norm]);
    if (static_cast<std::int64_t>(norm.scale.size()) != rows) refuse(node, "its batch-norm must have one value a channel");
    bias.resize(norm.scale.size(), 0.0f);
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = bias[i] * norm.scale[i] + norm.shift[i];
    end.epilogue.scale = plan.keep(norm.scale);
  }
  if (!bias.empty()) end.epilogue.bias = plan.keep(bias);
  end.epilogue.ending = node.tail.ending;
  end.residual = node.tail.residual;
  return end;
}

}  // namespace featherweight::runtime
