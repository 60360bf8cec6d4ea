#include "runtime/made.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace featherweight::runtime {
namespace {

bool is_stored_real(const Model& model, const Node& node, std::size_t i) {
  if (!node.has_input(i)) return false;
  const Value& value = model.input(node, i);
  return value.stored != nullptr && value.dtype == DType::float32;
}

bool is_along_first(const Model& model, const Node& node, std::int64_t fallback) {
  const std::int64_t axis = node.integer("axis", fallback);
  return axis == 0 || axis == -static_cast<std::int64_t>(model.input(node, 0).shape.size());
}

// Rows of the first input, by the numbers of the second.
std::vector<float> gathered(const Model& model, const Node& node) {
  const std::vector<float> table = model.floats(node, 0);
  const std::int64_t rows = model.input(node, 0).shape[0];
  const std::size_t width = rows > 0 ? table.size() / static_cast<std::size_t>(rows) : 0;
  std::vector<float> out;
  out.reserve(model.known(node, 1).size() * width);
  for (const std::int64_t number : model.known(node, 1)) {
    const std::int64_t at = number < 0 ? number + rows : number;
    if (at < 0 || at >= rows) refuse(node, "an index is out of range");
    const auto begin = table.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(at) * width);
    out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
  }
  return out;
}

std::vector<float> joined(const Model& model, const Node& node) {
  std::vector<float> out;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const std::vector<float> part = model.floats(node, i);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

bool joins_stored(const Model& model, const Node& node) {
  if (node.is_gone || node.outputs.size() != 1 || node.outputs[0] < 0) return false;
  if (!is_stored_real(model, node, 0)) return false;
  const auto& ends = model.outputs;
  if (std::find(ends.begin(), ends.end(), node.outputs[0]) != ends.end()) return false;
  if (node.op == "Reshape") return true;
  if (node.op == "Gather") {
    const bool has_rows = !model.input(node, 0).shape.empty();
    return has_rows && is_along_first(model, node, 0) && model.input(node, 1).integers.has_value();
  }
  if (node.op != "Concat" || !is_along_first(model, node, 1)) return false;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (!is_stored_real(model, node, i)) return false;
  }
  return true;
}

// The stored tensor that gives the layer its name, among those that a value is made of.
std::string name_of_parts(const Model& model, const Node& node) {
  std::string name = model.input(node, 0).stored->name;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Tensor* const part = node.has_input(i) ? model.input(node, i).stored : nullptr;
    if (part != nullptr && part->name.find(".weight") != std::string::npos) return part->name;
  }
  return name;
}

void make(Model& model, Node& node) {
  auto made = std::make_unique<Made>();
  made->values = node.op == "Reshape"  ? model.floats(node, 0)
                 : node.op == "Gather" ? gathered(model, node)
                                       : joined(model, node);
  Value& value = model.values[node.outputs[0]];
  if (static_cast<std::int64_t>(made->values.size()) != elements(value.shape)) {
    refuse(node, "its numbers do not fill the shape " + text(value.shape));
  }
  Tensor& tensor = made->tensor;
  tensor.name = name_of_parts(model, node);
  tensor.shape.assign(value.shape.begin(), value.shape.end());
  tensor.elements = made->values.size();
  Block block;
  block.symbols = tensor.elements;
  block.bytes = tensor.elements * sizeof(float);
  block.width = 32;
  block.data = reinterpret_cast<const std::uint8_t*>(made->values.data());
  tensor.blocks.push_back(block);
  value.stored = &tensor;
  value.steps.reset();
  node.is_gone = true;
  model.made.push_back(std::move(made));
}

}  // namespace

void make_stored(Model& model) {
  for (Node& node : model.nodes) {
    if (joins_stored(model, node)) make(model, node);
  }
  // A layer is called after its weights, wherever these come from.
  for (Node& node : model.nodes) {
    if (node.is_gone || !node.has_input(1) || model.input(node, 1).stored == nullptr) continue;
    const std::string& name = model.input(node, 1).stored->name;
    const std::size_t dot = name.find(".weight");
    if (dot != std::string::npos) node.layer = name.substr(0, dot);
  }
}

}  // namespace featherweight::runtime
