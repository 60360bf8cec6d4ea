#include "runtime/model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <unordered_map>

#include "featherweight/error.h"
#include "runtime/fold.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

// "conv1.weight" -> "conv1"; a node without weights is called after its output.
std::string layer_of(const Graph& graph, const featherweight::Node& node,
                     const std::vector<std::string>& names) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] < 0) continue;
    const std::string& name = names[static_cast<std::size_t>(node.inputs[i])];
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos) continue;
    const std::string last = name.substr(dot + 1);
    if (last == "weight" || last == "bias") return name.substr(0, dot);
  }
  (void)graph;
  for (const std::string& output : node.outputs) {
    if (!output.empty()) return output;
  }
  return "";
}

Shape fixed(const ValueInfo& info, std::int64_t batch) {
  Shape shape;
  for (const Dimension& dimension : info.shape) {
    const auto* const size = std::get_if<std::int64_t>(&dimension);
    shape.push_back(size != nullptr ? *size : batch);
  }
  return shape;
}

float half_to_float(std::uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float sign = half >> 15 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

template <typename T>
std::vector<T> decoded(const Tensor& tensor) {
  std::vector<T> values(tensor.elements);
  decode_dense(tensor, values.data());
  return values;
}

// Small integer tensors are what shapes, axes and indices are made of.
std::optional<std::vector<std::int64_t>> stored_integers(const Tensor& tensor) {
  if (tensor.dtype == DType::int64) return decoded<std::int64_t>(tensor);
  if (tensor.dtype == DType::int32) {
    const auto values = decoded<std::int32_t>(tensor);
    return std::vector<std::int64_t>(values.begin(), values.end());
  }
  return std::nullopt;
}

bool fits(const Model& model, const Shape& shape) {
  return is_sound(shape) && static_cast<std::uint64_t>(elements(shape)) <= model.memory_limit / sizeof(float);
}

void check_shape(const Model& model, const Value& value) {
  if (fits(model, value.shape)) return;
  throw RunError("'" + value.name + "' cannot be held: its shape is " + text(value.shape) + ".");
}

Model values_of(const Graph& graph, std::int64_t batch, std::uint64_t memory_limit) {
  Model model;
  model.memory_limit = memory_limit;
  const std::vector<std::string> names = graph.value_names();
  model.values.resize(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) model.values[i].name = names[i];
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    model.values[i].dtype = graph.inputs[i].dtype;
    model.values[i].shape = fixed(graph.inputs[i], batch);
    check_shape(model, model.values[i]);
    if (elements(model.values[i].shape) == 0) throw RunError("input '" + names[i] + "' has no elements.");
    model.inputs.push_back(static_cast<int>(i));
  }
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const Tensor& tensor = graph.tensors[i];
    Value& value = model.values[graph.inputs.size() + i];
    value.dtype = tensor.dtype;
    value.shape.assign(tensor.shape.begin(), tensor.shape.end());
    value.stored = &tensor;
    check_shape(model, value);
    value.integers = stored_integers(tensor);
  }
  return model;
}

// What all operators take for granted.
void check_arity(const Node& node, const Operator& op) {
  for (std::size_t i = 0; i < op.inputs; ++i) {
    if (!node.has_input(i)) refuse(node, "it must have " + std::to_string(op.inputs) + " inputs");
  }
  if (node.outputs.empty() || node.outputs[0] < 0) refuse(node, "it has no output");
}

// Kernels are not made for values without elements.
void check_not_empty(const Model& model, const Node& node) {
  for (const int output : node.outputs) {
    if (output >= 0 && elements(model.values[output].shape) == 0) {
      refuse(node, "its output would have the shape " + text(model.values[output].shape));
    }
  }
}

void infer(Model& model, Node& node) {
  const Operator* const op = find_operator(node.op);
  if (op == nullptr) refuse(node, "the runtime has no such operator");
  check_arity(node, *op);
  try {
    const std::vector<Shape> shapes = op->shapes(model, node);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] < 0) continue;
      if (i >= shapes.size()) refuse(node, "it has only " + std::to_string(shapes.size()) + " outputs");
      if (!fits(model, shapes[i])) refuse(node, "its output would have the shape " + text(shapes[i]));
      Value& value = model.values[node.outputs[i]];
      value.shape = shapes[i];
      value.dtype = output_dtype(model, node);
    }
    fold(model, node);
    if (!node.is_gone) check_not_empty(model, node);
  } catch (const std::logic_error& error) {  // a shape that does not fit, a list that is too short
    refuse(node, error.what());
  }
}

}  // namespace

const Attribute* Node::find(const char* name) const {
  for (const auto& [key, value] : *attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::int64_t Node::integer(const char* name, std::int64_t fallback) const {
  const Attribute* const found = find(name);
  if (found == nullptr) return fallback;
  const auto* const value = std::get_if<std::int64_t>(found);
  if (value == nullptr) refuse(*this, std::string("its attribute '") + name + "' must be an integer");
  return *value;
}

float Node::real(const char* name, float fallback) const {
  const Attribute* const found = find(name);
  if (found == nullptr) return fallback;
  if (const auto* const value = std::get_if<float>(found)) return *value;
  if (const auto* const value = std::get_if<std::int64_t>(found)) return static_cast<float>(*value);
  refuse(*this, std::string("its attribute '") + name + "' must be a number");
}

std::string Node::word(const char* name, const char* fallback) const {
  const Attribute* const found = find(name);
  if (found == nullptr) return fallback;
  const auto* const value = std::get_if<std::string>(found);
  if (value == nullptr) refuse(*this, std::string("its attribute '") + name + "' must be text");
  return *value;
}

std::vector<std::int64_t> Node::integers(const char* name, std::vector<std::int64_t> fallback) const {
  const Attribute* const found = find(name);
  if (found == nullptr) return fallback;
  const auto* const value = std::get_if<std::vector<std::int64_t>>(found);
  if (value == nullptr) refuse(*this, std::string("its attribute '") + name + "' must be integers");
  return *value;
}

const std::vector<std::int64_t>& Model::known(const Node& node, std::size_t i) const {
  const Value& value = input(node, i);
  if (!value.integers) refuse(node, "'" + value.name + "' must be known when the file is loaded");
  return *value.integers;
}

namespace {

std::vector<float> real(const std::vector<float>& whole, const Shape& shape, const Steps& steps) {
  std::int64_t inner = 1;
  for (std::size_t k = steps.axis + 1; k < shape.size(); ++k) inner *= shape[k];
  std::vector<float> out(whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const std::size_t at = steps.scale.size() == 1 ? 0 : i / static_cast<std::size_t>(inner) % steps.scale.size();
    out[i] = (whole[i] - (steps.zero_point.empty() ? 0.0f : steps.zero_point[at])) * steps.scale[at];
  }
  return out;
}

template <typename T>
std::vector<float> widened(const Tensor& tensor) {
  const std::vector<T> values = decoded<T>(tensor);
  return std::vector<float>(values.begin(), values.end());
}

}  // namespace

std::vector<std::int8_t> Model::bytes(const Node& node, std::size_t i) const {
  const Value& value = input(node, i);
  if (value.stored == nullptr || value.stored->dtype != DType::int8) refuse(node, "'" + value.name + "' must hold int8");
  return decoded<std::int8_t>(*value.stored);
}

std::vector<float> Model::floats(const Node& node, std::size_t i) const {
  const Value& value = input(node, i);
  if (value.integers) return std::vector<float>(value.integers->begin(), value.integers->end());
  if (value.stored == nullptr) refuse(node, "'" + value.name + "' must be a tensor of the file");
  const DType dtype = value.stored->dtype;
  if (dtype == DType::int8 || dtype == DType::uint8) {
    std::vector<float> whole = dtype == DType::int8 ? widened<std::int8_t>(*value.stored) : widened<std::uint8_t>(*value.stored);
    return value.steps ? real(whole, value.shape, *value.steps) : whole;
  }
  if (value.dtype == DType::float32) return decoded<float>(*value.stored);
  if (value.dtype == DType::float16) {
    const auto halves = decoded<std::uint16_t>(*value.stored);
    std::vector<float> floats(halves.size());
    for (std::size_t j = 0; j < halves.size(); ++j) floats[j] = half_to_float(halves[j]);
    return floats;
  }
  refuse(node, "'" + value.name + "' must hold floats, but holds " + name_of(value.dtype));
}

Model read_model(const Graph& graph, std::int64_t batch, std::uint64_t memory_limit) {
  Model model = values_of(graph, batch, memory_limit);
  const std::vector<std::string> names = graph.value_names();
  std::unordered_map<std::string, int> numbers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty()) numbers.emplace(names[i], static_cast<int>(i));
  }
  for (const featherweight::Node& stored : graph.nodes) {
    Node node;
    node.op = stored.op;
    node.layer = layer_of(graph, stored, names);
    node.inputs.assign(stored.inputs.begin(), stored.inputs.end());
    for (const std::string& name : stored.outputs) {
      node.outputs.push_back(name.empty() ? -1 : numbers.at(name));
    }
    node.attributes = &stored.attributes;
    infer(model, node);
    model.nodes.push_back(std::move(node));
  }
  for (const ValueInfo& output : graph.outputs) model.outputs.push_back(numbers.at(output.name));
  return model;
}

void refuse(const Node& node, const std::string& why) {
  throw RunError("operator " + node.op + " of layer '" + node.layer + "' cannot run: " + why + ".");
}

}  // namespace featherweight::runtime
