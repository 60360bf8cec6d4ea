#include "runtime/plan.h"

#include <algorithm>
#include <climits>

namespace featherweight::runtime {

Plan::Plan(const Model& model, const SessionOptions& options, const std::map<std::string, std::string>& layouts)
    : constant_of(model.values.size(), -1), model_(model), options_(options), layouts_(layouts),
      last_reader_(model.values.size(), -1) {
  if (!options.break_even.empty()) break_even_ = BreakEven::read(options.break_even);
  for (std::size_t i = 0; i < model.values.size(); ++i) places_.push_back({static_cast<int>(i), 0});
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    if (node.is_gone) continue;
    for (const int value : node.inputs) {
      if (value >= 0) last_reader_[value] = static_cast<int>(i);
    }
    if (node.tail.residual >= 0) last_reader_[node.tail.residual] = static_cast<int>(i);
  }
  for (const int value : model.outputs) last_reader_[value] = INT_MAX;
}

std::string Plan::layout_of(const Tensor& tensor) const {
  const auto found = layouts_.find(tensor.name);
  return found == layouts_.end() || break_even_.is_measured ? "" : found->second;
}

void Plan::add(Step step) { steps.push_back(std::move(step)); }

Step Plan::step_of(const Node& node) const {
  Step step;
  step.op = node.op;
  step.layer = node.layer;
  for (const int value : node.inputs) {
    if (value >= 0) step.reads.push_back(value);
  }
  if (node.tail.residual >= 0) step.reads.push_back(node.tail.residual);
  for (const int value : node.outputs) {
    if (value >= 0) step.writes.push_back(value);
  }
  if (node.output8) step.writes.push_back(node.output8->value);
  return step;
}

Plan::Place Plan::place_of(int value) const {
  Place place{value, 0};
  while (places_[place.whole].whole != place.whole) {
    place.offset += places_[place.whole].offset;
    place.whole = places_[place.whole].whole;
  }
  return place;
}

void Plan::place(int value, int whole, std::int64_t offset) {
  const Place root = place_of(whole);
  places_[value] = {root.whole, root.offset + offset};
}

bool Plan::is_fixed(int whole) const {
  const auto is_in = [&](const std::vector<int>& list) {
    return std::find(list.begin(), list.end(), whole) != list.end();
  };
  return is_in(model_.inputs) || is_in(model_.outputs) || model_.values[whole].is_known();
}

bool Plan::try_place(int value, int whole, std::int64_t offset) {
  const Place own = place_of(value), other = place_of(whole);
  const bool fills_its_place = own.offset == 0 && elements(model_.values[value].shape) ==
                                                      elements(model_.values[own.whole].shape);
  if (own.whole == other.whole || is_fixed(own.whole) || !fills_its_place) return false;
  places_[own.whole] = {other.whole, other.offset + offset};
  return true;
}

bool Plan::try_in_place(int output, int input) {
  if (last_reader_[input] > node_ || model_.values[input].is_known()) return false;
  const Place own = place_of(input);
  if (is_fixed(own.whole)) return false;
  // Other names of the same memory must be dead as well.
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (place_of(static_cast<int>(i)).whole == own.whole && last_reader_[i] > node_) return false;
  }
  // The memory of an output of the network is the caller's: the input moves there.
  if (is_fixed(output)) return try_place(input, output, 0);
  places_[output] = own;
  return true;
}

void Plan::try_in_residual(const Node& node) {
  const int residual = node.tail.residual;
  if (residual < 0 || node.outputs[0] < 0 || place_of(residual).whole == place_of(node.inputs[0]).whole) return;
  try_in_place(node.outputs[0], residual);
}

void Plan::need_constant(const Node& node, std::size_t input) {
  const int value = node.inputs[input];
  if (!model_.values[value].is_known() || constant_of[value] >= 0) return;
  constant_of[value] = static_cast<int>(constants.size());
  constants.push_back(model_.floats(node, input));
}

const float* Plan::keep(std::vector<float> values) {
  kept.push_back(std::make_unique<float[]>(values.size()));
  std::copy(values.begin(), values.end(), kept.back().get());
  kept_bytes += values.size() * sizeof(float);
  return kept.back().get();
}

}  // namespace featherweight::runtime
