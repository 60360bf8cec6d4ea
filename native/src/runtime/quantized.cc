#include "runtime/quantized.h"

#include <algorithm>
#include <cmath>

#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

class Taking {
 public:
  explicit Taking(Model& model) : model_(model), writer_(model.values.size(), -1), readers_(model.values.size(), 0) {
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      if (model.nodes[i].is_gone) continue;
      for (const int value : model.nodes[i].outputs) {
        if (value >= 0) writer_[value] = static_cast<int>(i);
      }
      for (const int value : model.nodes[i].inputs) {
        if (value >= 0) ++readers_[value];
      }
    }
    for (const int value : model.outputs) ++readers_[value];
  }

  void run(bool in_integers) {
    for (Node& node : model_.nodes) {
      if (!node.is_gone && node.op == "DequantizeLinear") take_stored(node);
    }
    if (!in_integers) return;
    for (Node& node : model_.nodes) {
      if (!node.is_gone && (node.op == "Conv" || node.op == "Gemm")) take_input(node);
    }
  }

 private:
  bool is_stored(const Node& node, std::size_t i) const {
    return node.has_input(i) && model_.input(node, i).stored != nullptr;
  }

  void take_stored(Node& node) {
    if (!is_stored(node, 0) || !is_stored(node, 1) || (node.has_input(2) && !is_stored(node, 2))) return;
    const DType dtype = model_.input(node, 0).stored->dtype;
    if ((dtype != DType::int8 && dtype != DType::uint8) || model_.input(node, 0).steps) return;
    Value& value = model_.values[node.outputs[0]];
    if (std::find(model_.outputs.begin(), model_.outputs.end(), node.outputs[0]) != model_.outputs.end()) return;
    Steps steps;
    steps.scale = model_.floats(node, 1);
    if (node.has_input(2)) steps.zero_point = model_.floats(node, 2);
    if (steps.scale.size() != 1) {
      steps.axis = axis_of(node.integer("axis", 1), value.shape.size());
      if (static_cast<std::int64_t>(steps.scale.size()) != value.shape[steps.axis]) refuse(node, "its scales do not fit");
    }
    if (!steps.zero_point.empty() && steps.zero_point.size() != steps.scale.size()) refuse(node, "its zero points do not fit");
    value.stored = model_.input(node, 0).stored;
    value.steps = std::move(steps);
    node.is_gone = true;
  }

  // Symmetric int8, with a scale for all or one a row.
  bool has_weights8(const Node& node) const {
    const Value& weight = model_.input(node, 1);
    if (weight.stored == nullptr || !weight.steps || weight.stored->dtype != DType::int8) return false;
    const Steps& steps = *weight.steps;
    const auto is_zero = [](float zero) { return zero == 0.0f; };
    const std::size_t row_axis = node.op == "Gemm" && node.integer("transB", 0) == 0 ? 1 : 0;
    return std::all_of(steps.zero_point.begin(), steps.zero_point.end(), is_zero) &&
           (steps.scale.size() == 1 || steps.axis == row_axis);
  }

  // Layers that the kernels compute: one group or filters of one channel each, and no factor on the sums.
  bool is_plain(const Node& node) const {
    if (node.op == "Conv") {
      const Shape& w = model_.input(node, 1).shape;
      return w[1] > 1 ? node.integer("group", 1) == 1 : node.integer("group", 1) == w[0];
    }
    const bool is_vector = !node.has_input(2) || (is_stored(node, 2) && model_.input(node, 2).shape.size() <= 1);
    return is_vector && node.integer("transA", 0) == 0 && node.real("alpha", 1.0f) == 1.0f && node.real("beta", 1.0f) == 1.0f;
  }

  void take_input(Node& node) {
    const int back = writer_[node.inputs[0]];
    if (back < 0 || model_.nodes[back].op != "DequantizeLinear" || model_.nodes[back].is_gone) return;
    const int there = writer_[model_.nodes[back].inputs[0]];
    if (there < 0 || model_.nodes[there].op != "QuantizeLinear") return;
    if (!has_weights8(node) || !is_plain(node)) return;
    node.input8 = there_and_back(model_, model_.nodes[there], model_.nodes[back]);
    if (!node.input8) return;
    const int before = node.inputs[0];
    node.inputs[0] = model_.nodes[there].inputs[0];
    ++readers_[node.inputs[0]];
    release(before);
  }

  // One reader less; the node that wrote for nobody is gone, and so is what it read alone.
  void release(int value) {
    if (--readers_[value] > 0 || writer_[value] < 0) return;
    Node& node = model_.nodes[writer_[value]];
    node.is_gone = true;
    if (node.has_input(0)) release(node.inputs[0]);
  }

  Model& model_;
  std::vector<int> writer_, readers_;
};

bool is_same(const kernels::Quantization& a, const kernels::Quantization& b) {
  return a.scale == b.scale && a.zero_point == b.zero_point && a.top == b.top;
}

bool is_conv8(const Node& node) { return !node.is_gone && node.op == "Conv" && node.input8; }

}  // namespace

std::optional<kernels::Quantization> there_and_back(const Model& model, const Node& there, const Node& back) {
  const auto is_stored = [&](const Node& node, std::size_t i) {
    return node.has_input(i) && model.input(node, i).stored != nullptr;
  };
  for (std::size_t i = 1; i < 3; ++i) {
    if (there.has_input(i) != back.has_input(i)) return std::nullopt;
    if (there.has_input(i) && (!is_stored(there, i) || !is_stored(back, i))) return std::nullopt;
    if (there.has_input(i) && model.floats(there, i) != model.floats(back, i)) return std::nullopt;
  }
  const std::vector<float> scale = model.floats(there, 1);
  if (scale.size() != 1 || !(scale[0] > 0.0f)) return std::nullopt;
  if (!std::isfinite(scale[0])) return std::nullopt;
  kernels::Quantization q;
  q.scale = scale[0];
  const bool is_signed = there.has_input(2) && model.input(there, 2).dtype == DType::int8;
  const float zero = there.has_input(2) ? model.floats(there, 2).at(0) : 0.0f;
  if (!(zero >= (is_signed ? -128.0f : 0.0f) && zero <= (is_signed ? 127.0f : 255.0f))) return std::nullopt;
  q.zero_point = static_cast<std::int32_t>(zero) + (is_signed ? 128 : 0);  // the same numbers as uint8
  return q;
}

void take_quantization(Model& model, bool in_integers) { Taking(model).run(in_integers); }

void hand_on_bytes(Model& model) {
  std::vector<std::vector<Node*>> readers(model.values.size());  // nodes that could read bytes
  std::vector<bool> is_read(model.values.size(), false);         // by anybody else
  for (Node& node : model.nodes) {
    if (node.is_gone) continue;
    for (const int value : node.inputs) {
      if (value < 0) continue;
      if (is_conv8(node) && value == node.inputs[0]) readers[value].push_back(&node);
      else is_read[value] = true;
    }
    if (node.tail.residual >= 0) is_read[node.tail.residual] = true;
  }
  for (const int value : model.outputs) is_read[value] = true;
  for (Node& node : model.nodes) {
    if (!is_conv8(node) || readers[node.outputs[0]].empty()) continue;
    const int floats = node.outputs[0];
    const kernels::Quantization quantization = *readers[floats][0]->input8;
    node.output8 = Output8{static_cast<int>(model.values.size()), quantization};
    Value bytes = model.values[floats];
    bytes.is_int8x4 = true;
    model.values.push_back(std::move(bytes));
    for (Node* const reader : readers[floats]) {
      if (is_same(*reader->input8, quantization)) reader->inputs[0] = node.output8->value;
      else is_read[floats] = true;
    }
    if (!is_read[floats]) node.outputs[0] = -1;
  }
}

}  // namespace featherweight::runtime
