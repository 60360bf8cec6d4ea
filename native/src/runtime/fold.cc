#include "runtime/fold.h"

#include <algorithm>

namespace featherweight::runtime {
namespace {

using Integers = std::vector<std::int64_t>;

constexpr std::int64_t kMostIntegers = 1 << 20;  // shapes and indices are far smaller

std::size_t wrapped(std::int64_t index, std::size_t size) {
  const std::int64_t from_end = index < 0 ? index + static_cast<std::int64_t>(size) : index;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(from_end, 0, static_cast<std::int64_t>(size)));
}

Integers shape_of(const Model& model, const Node& node) {
  const Shape& shape = model.input(node, 0).shape;
  const std::size_t begin = wrapped(node.integer("start", 0), shape.size());
  const std::size_t end = wrapped(node.integer("end", INT64_MAX), shape.size());
  return begin < end ? Integers(shape.begin() + begin, shape.begin() + end) : Integers();
}

std::int64_t combined(const Node& node, std::int64_t a, std::int64_t b) {
  if (node.op == "Add") return checked_sum(a, b);
  if (node.op == "Mul") return checked_product(a, b);
  if (node.op == "Sub" && b == INT64_MIN) refuse(node, "a size is out of range");
  if (node.op == "Sub") return checked_sum(a, -b);
  if (b == 0 || (a == INT64_MIN && b == -1)) refuse(node, "it divides by zero, or out of range");
  return a / b;
}

Integers arithmetic(const Model& model, const Node& node) {
  const Shape& shape = model.output(node).shape;
  const Integers &a = model.known(node, 0), &b = model.known(node, 1);
  const auto count = static_cast<std::size_t>(elements(shape));
  if ((a.size() != 1 && a.size() != count) || (b.size() != 1 && b.size() != count)) {
    refuse(node, "integers of these shapes are not combined when a file is loaded");
  }
  Integers out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(combined(node, a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i]));
  }
  return out;
}

Integers gather(const Model& model, const Node& node) {
  const Integers &data = model.known(node, 0), &indices = model.known(node, 1);
  Integers out;
  for (const std::int64_t index : indices) {
    const std::int64_t at = index < 0 ? index + static_cast<std::int64_t>(data.size()) : index;
    if (at < 0 || at >= static_cast<std::int64_t>(data.size())) refuse(node, "an index is out of range");
    out.push_back(data[static_cast<std::size_t>(at)]);
  }
  return out;
}

Integers concat(const Model& model, const Node& node) {
  Integers out;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Integers& part = model.known(node, i);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

Integers slice(const Model& model, const Node& node) {
  const Integers& data = model.known(node, 0);
  const std::int64_t step = node.has_input(4) ? model.known(node, 4).at(0) : 1;
  if (step != 1) refuse(node, "integers are sliced with step 1 only");
  const std::size_t begin = wrapped(model.known(node, 1).at(0), data.size());
  const std::size_t end = wrapped(model.known(node, 2).at(0), data.size());
  return begin < end ? Integers(data.begin() + begin, data.begin() + end) : Integers();
}

bool is_one_dimensional(const Model& model, const Node& node) {
  return model.input(node, 0).shape.size() <= 1;
}

}  // namespace

void fold(Model& model, Node& node) {
  const bool reads_shape = node.op == "Shape";
  for (std::size_t i = 0; i < node.inputs.size() && !reads_shape; ++i) {
    if (node.has_input(i) && !model.input(node, i).integers) return;
  }
  if (node.outputs.size() != 1 || node.outputs[0] < 0 || node.inputs.empty()) return;
  if (elements(model.output(node).shape) > kMostIntegers) return;
  Integers result;
  if (reads_shape) result = shape_of(model, node);
  else if (node.op == "Div" && model.output(node).dtype == DType::float32) return;  // not a whole number
  else if (node.op == "Add" || node.op == "Sub" || node.op == "Mul" || node.op == "Div") result = arithmetic(model, node);
  else if (node.op == "Gather" && is_one_dimensional(model, node)) result = gather(model, node);
  else if (node.op == "Concat") result = concat(model, node);
  else if (node.op == "Slice" && is_one_dimensional(model, node)) result = slice(model, node);
  else if (node.op == "Cast" || node.op == "Reshape" || node.op == "Squeeze" || node.op == "Unsqueeze" ||
           node.op == "Identity" || node.op == "Flatten") result = model.known(node, 0);
  else return;
  if (static_cast<std::int64_t>(result.size()) != elements(model.output(node).shape)) {
    refuse(node, "its integers do not fill the shape " + text(model.output(node).shape));
  }
  model.values[node.outputs[0]].integers = std::move(result);
  node.is_gone = true;
}

}  // namespace featherweight::runtime
