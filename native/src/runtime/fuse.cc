#include "runtime/fuse.h"

#include <algorithm>
#include <limits>

#include "runtime/quantized.h"

namespace featherweight::runtime {
namespace {

class Fusing {
 public:
  explicit Fusing(Model& model)
      : model_(model), readers_(model.values.size()), writer_(model.values.size(), -1) {
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      if (model.nodes[i].is_gone) continue;
      for (const int value : model.nodes[i].inputs) {
        if (value >= 0) readers_[value].push_back(static_cast<int>(i));
      }
      for (const int value : model.nodes[i].outputs) {
        if (value >= 0) writer_[value] = static_cast<int>(i);
      }
    }
    for (const int value : model.outputs) readers_[value].push_back(-1);
  }

  void run() {
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      Node& node = model_.nodes[i];
      if (node.is_gone) continue;
      const bool is_product = node.op == "Conv" || node.op == "Gemm" || node.op == "MatMul" ||
                              node.op == "featherweight.BinaryConv" || node.op == "featherweight.BinaryGemm";
      if (is_product) {
        const bool is_conv = node.op == "Conv" || node.op == "featherweight.BinaryConv";
        if (is_conv) take_norm(static_cast<int>(i));
        if (is_conv) take_residual(static_cast<int>(i));
      }
      if (is_product || node.op == "BatchNormalization" || node.op == "Add") {
        take_activation(static_cast<int>(i));
        take_rounding(static_cast<int>(i));
      } else if (node.op == "QuantizeLinear") {
        take_way_back(static_cast<int>(i));
      }
    }
  }

 private:
  // The one node that reads what `node` writes, or -1.
  int only_reader(const Node& node) const {
    const auto& readers = readers_[node.outputs[0]];
    return readers.size() == 1 ? readers[0] : -1;
  }

  // `node` writes what `other` wrote; `other` is gone.
  void replace(Node& node, int other) {
    const int value = model_.nodes[other].outputs[0];
    writer_[value] = static_cast<int>(&node - model_.nodes.data());
    node.outputs[0] = value;
    model_.nodes[other].is_gone = true;
  }

  void take_norm(int i) {
    Node& node = model_.nodes[i];
    const int next = only_reader(node);
    if (next < 0 || model_.nodes[next].op != "BatchNormalization") return;
    for (std::size_t k = 1; k < 5; ++k) {
      if (model_.input(model_.nodes[next], k).stored == nullptr) return;
    }
    node.tail.norm = next;
    replace(node, next);
  }

  // The other summand must be there when `node` runs: written before, or not by a node at all.
  void take_residual(int i) {
    Node& node = model_.nodes[i];
    const int next = only_reader(node);
    if (next < 0 || model_.nodes[next].op != "Add") return;
    const Node& add = model_.nodes[next];
    const int other = add.inputs[0] == node.outputs[0] ? add.inputs[1] : add.inputs[0];
    const bool fits = other != node.outputs[0] && !model_.values[other].is_known() &&
                      model_.values[other].shape == model_.output(node).shape;
    if (!fits || writer_[other] > i) return;
    node.tail.residual = other;
    replace(node, next);
  }

  void take_activation(int i) {
    Node& node = model_.nodes[i];
    const int next = only_reader(node);
    if (next < 0 || node.tail.ending.activation != kernels::Activation::none) return;
    kernels::Ending& ending = node.tail.ending;
    const Node& after = model_.nodes[next];
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (after.op == "Relu") {
      ending.activation = kernels::Activation::clip;
      ending.low = 0.0f;
      ending.high = kInfinity;
    } else if (after.op == "Clip" && after.inputs[0] == node.outputs[0]) {
      for (std::size_t k = 1; k < 3; ++k) {
        if (after.has_input(k) && (model_.input(after, k).stored == nullptr || model_.floats(after, k).size() != 1)) return;
      }
      ending.activation = kernels::Activation::clip;
      ending.low = after.has_input(1) ? model_.floats(after, 1).at(0) : -kInfinity;
      ending.high = after.has_input(2) ? model_.floats(after, 2).at(0) : kInfinity;
    } else if (after.op == "HardSwish") {
      ending.activation = kernels::Activation::hard_swish;
    } else {
      return;
    }
    replace(node, next);
  }

  // A value that is quantized and at once dequantized is rounded where it is written.
  void take_rounding(int i) {
    Node& node = model_.nodes[i];
    const int there = only_reader(node);
    if (there < 0 || model_.nodes[there].op != "QuantizeLinear" || !take_way_back(there)) return;
    const kernels::Ending rounding = model_.nodes[there].tail.ending;
    node.tail.ending.step = rounding.step;
    node.tail.ending.least = rounding.least;
    node.tail.ending.most = rounding.most;
    replace(node, there);
  }

  // QuantizeLinear rounds alone, without the DequantizeLinear that only undoes it.
  bool take_way_back(int i) {
    Node& node = model_.nodes[i];
    const int next = only_reader(node);
    if (next < 0 || model_.nodes[next].op != "DequantizeLinear") return false;
    const auto quantization = there_and_back(model_, node, model_.nodes[next]);
    if (!quantization) return false;
    node.tail.ending.step = quantization->scale;
    node.tail.ending.least = static_cast<float>(-quantization->zero_point);
    node.tail.ending.most = static_cast<float>(quantization->top - quantization->zero_point);
    replace(node, next);
    return true;
  }

  Model& model_;
  std::vector<std::vector<int>> readers_;  // -1 for the graph's outputs
  std::vector<int> writer_;                // -1 for inputs and tensors
};

}  // namespace

void fuse(Model& model) { Fusing(model).run(); }

}  // namespace featherweight::runtime
