#include "featherweight/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "featherweight/error.h"
#include "runtime/facts.h"
#include "runtime/fuse.h"
#include "runtime/made.h"
#include "runtime/memory_plan.h"
#include "runtime/operators/operators.h"
#include "runtime/plan.h"
#include "runtime/quantized.h"

namespace featherweight {

using namespace runtime;

struct Session::Impl {
  std::vector<std::function<void(const Memory&)>> steps;
  std::vector<LayerInfo> layers;
  std::vector<PortInfo> input_infos, output_infos;
  std::vector<std::vector<float>> constants;
  std::vector<std::unique_ptr<float[]>> kept;
  AlignedArray<unsigned char> arena;
  std::vector<unsigned char*> scratch;  // by step
  MemoryUse use;
  Facts facts;
  std::unique_ptr<ThreadPool> pool;
  bool is_timed = false;

  // Values by number. Those of inputs and outputs are the caller's memory, set in each run.
  std::vector<float*> pointers;
  struct Port {
    int value;
    std::int64_t offset;
  };
  std::vector<std::vector<Port>> input_ports, output_ports;  // which values lie in each

  void build(const File& file, const SessionOptions& options);
  void lay_out(const Model& model, const Plan& plan);
  std::size_t plan_bytes() const;
  void run(const float* const* inputs, float* const* outputs);
};

namespace {

bool is_float(const Value& value) { return value.dtype == DType::float32 || value.dtype == DType::float16; }

bool is_batched(const ValueInfo& info) {
  return !info.shape.empty() && std::holds_alternative<std::string>(info.shape[0]);
}

std::vector<PortInfo> ports(const Model& model, const std::vector<int>& values, const std::vector<ValueInfo>& stored,
                            const char* what) {
  std::vector<PortInfo> infos;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::count(values.begin(), values.end(), values[i]) > 1) {
      throw RunError(std::string(what) + " '" + model.values[values[i]].name + "' is listed twice.");
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value& v = model.values[values[i]];
    if (!is_float(v)) {
      throw RunError(std::string(what) + " '" + v.name + "' must be float32 to run, but is " + name_of(v.dtype) + ".");
    }
    infos.push_back({v.name, v.shape, is_batched(stored[i])});
  }
  return infos;
}

Plan planned(const Model& model, const SessionOptions& options, const Facts& facts) {
  Plan plan(model, options, facts.layouts);
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const runtime::Node& node = model.nodes[i];
    if (node.is_gone) continue;
    plan.begin(static_cast<int>(i));
    try {
      if (node.has_input(0)) plan.need_constant(node, 0);  // what a step reads is in memory
      find_operator(node.op)->build(plan, node);
    } catch (const MalformedData&) {
      throw;  // of a tensor that is decoded
    } catch (const std::logic_error& error) {
      refuse(node, error.what());
    }
  }
  return plan;
}

// Allocated by a vector or a string itself; short strings allocate nothing.
template <typename T>
std::size_t held(const std::vector<T>& items) {
  return items.capacity() * sizeof(T);
}

std::size_t held(const std::string& text) {
  static const std::size_t within = std::string().capacity();
  return text.capacity() > within ? text.capacity() + 1 : 0;
}

std::size_t bytes_of(const Value& value) {
  const Shape& shape = value.shape;
  const std::int64_t pixels = !value.is_int8x4 ? elements(shape) : shape[0] * kernels::int8x4_count(shape[1]) * elements(shape, 2, shape.size());
  return static_cast<std::size_t>(pixels) * 4;
}

// Every output of the network lies where some step writes.
void check_outputs(const Model& model, const Plan& plan) {
  std::vector<bool> is_written(model.values.size(), false);
  for (const Step& step : plan.steps) {
    for (const int value : step.writes) is_written[static_cast<std::size_t>(plan.place_of(value).whole)] = true;
  }
  for (const int output : model.outputs) {
    if (!is_written[static_cast<std::size_t>(output)]) {
      throw RunError("output '" + model.values[output].name + "' must be computed from the inputs.");
    }
  }
}

}  // namespace

void Session::Impl::build(const File& file, const SessionOptions& options) {
  facts = read_facts(file);
  Model model = read_model(file.graph(), options.batch, options.memory_limit.value_or(UINT64_MAX));
  input_infos = ports(model, model.inputs, file.graph().inputs, "input");
  output_infos = ports(model, model.outputs, file.graph().outputs, "output");
  take_quantization(model, !options.exact);
  make_stored(model);
  fuse(model);
  hand_on_bytes(model);
  Plan plan = planned(model, options, facts);
  check_outputs(model, plan);
  pool = std::make_unique<ThreadPool>(options.threads);
  lay_out(model, plan);
  use.weights = plan.kept_bytes;
  // What only planning reads goes with the plan.
  layers.reserve(plan.steps.size());
  steps.reserve(plan.steps.size());
  for (Step& step : plan.steps) {
    use.weights += step.weight_bytes;
    layers.push_back({std::move(step.layer), std::move(step.op), std::move(step.format), std::move(step.detail),
                      std::move(step.note), step.weight_bytes, 0.0});
    steps.push_back(std::move(step.run));
  }
  for (const auto& constant : plan.constants) use.weights += constant.size() * sizeof(float);
  constants = std::move(plan.constants);
  kept = std::move(plan.kept);
  facts.layouts.clear();
  use.plan = plan_bytes();
}

std::size_t Session::Impl::plan_bytes() const {
  std::size_t bytes = sizeof *this + sizeof *pool + held(steps) + held(layers) + held(constants) + held(kept) +
                      held(scratch) + held(pointers) + held(facts.class_names) + held(facts.mean) + held(facts.deviation);
  for (const LayerInfo& layer : layers) {
    for (const std::string* text : {&layer.name, &layer.op, &layer.format, &layer.detail, &layer.note}) bytes += held(*text);
  }
  for (const std::string& name : facts.class_names) bytes += held(name);
  for (const auto* infos : {&input_infos, &output_infos}) {
    bytes += held(*infos);
    for (const PortInfo& info : *infos) bytes += held(info.name) + held(info.shape);
  }
  for (const auto* ports : {&input_ports, &output_ports}) {
    bytes += held(*ports);
    for (const auto& port : *ports) bytes += held(port);
  }
  return bytes;
}

// Gives every value its pointer, in the arena, in a constant, or in the caller's memory.
void Session::Impl::lay_out(const Model& model, const Plan& plan) {
  std::vector<BufferLife> lives;
  std::vector<int> buffer_of(model.values.size(), -1);
  const auto touch = [&](int value, int step) {
    const int whole = plan.place_of(value).whole;
    const bool is_port = std::find(model.inputs.begin(), model.inputs.end(), whole) != model.inputs.end() ||
                         std::find(model.outputs.begin(), model.outputs.end(), whole) != model.outputs.end();
    if (is_port || plan.constant_of[whole] >= 0 || model.values[whole].is_known()) return;
    if (buffer_of[whole] < 0) {
      buffer_of[whole] = static_cast<int>(lives.size());
      lives.push_back({bytes_of(model.values[whole]), step, step});
    }
    lives[buffer_of[whole]].last = step;
  };
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    for (const int value : plan.steps[i].writes) touch(value, static_cast<int>(i));
    for (const int value : plan.steps[i].reads) touch(value, static_cast<int>(i));
  }
  const std::size_t values = lives.size();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    lives.push_back({plan.steps[i].scratch_bytes, static_cast<int>(i), static_cast<int>(i)});
  }
  const MemoryPlan memory = plan_memory(lives);
  use.arena = memory.bytes;
  if (memory.bytes > model.memory_limit) {
    throw RunError("activations take " + std::to_string(memory.bytes) + " bytes, which is more than the limit of " +
                   std::to_string(model.memory_limit) + ".");
  }
  arena = aligned_array<unsigned char>(memory.bytes);
  for (std::size_t i = values; i < lives.size(); ++i) scratch.push_back(arena.get() + memory.offsets[i]);

  pointers.assign(model.values.size(), nullptr);
  input_ports.resize(model.inputs.size());
  output_ports.resize(model.outputs.size());
  const auto port_of = [](const std::vector<int>& list, int whole) {
    const auto found = std::find(list.begin(), list.end(), whole);
    return found == list.end() ? -1 : static_cast<int>(found - list.begin());
  };
  for (std::size_t i = 0; i < model.values.size(); ++i) {
    const Plan::Place place = plan.place_of(static_cast<int>(i));
    const int in = port_of(model.inputs, place.whole), out = port_of(model.outputs, place.whole);
    if (in >= 0) input_ports[in].push_back({static_cast<int>(i), place.offset});
    else if (out >= 0) output_ports[out].push_back({static_cast<int>(i), place.offset});
    else if (plan.constant_of[place.whole] >= 0) {
      // The vectors move into the session as they are, so their data stays where it is.
      pointers[i] = const_cast<float*>(plan.constants[plan.constant_of[place.whole]].data()) + place.offset;
    } else if (buffer_of[place.whole] >= 0) {
      pointers[i] = reinterpret_cast<float*>(arena.get() + memory.offsets[buffer_of[place.whole]]) + place.offset;
    }
  }
}

void Session::Impl::run(const float* const* inputs, float* const* outputs) {
  for (std::size_t i = 0; i < input_ports.size(); ++i) {
    // Steps never write to an input.
    for (const Port& port : input_ports[i]) pointers[port.value] = const_cast<float*>(inputs[i]) + port.offset;
  }
  for (std::size_t i = 0; i < output_ports.size(); ++i) {
    for (const Port& port : output_ports[i]) pointers[port.value] = outputs[i] + port.offset;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Memory memory{pointers.data(), scratch[i], *pool};
    if (!is_timed) {
      steps[i](memory);
      continue;
    }
    const auto begin = std::chrono::steady_clock::now();
    steps[i](memory);
    layers[i].milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  }
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Session Session::open(const std::string& path, const SessionOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->build(File::open(path, options.memory_limit), options);
  return Session(std::move(impl));
}

Session Session::load(const std::uint8_t* data, std::size_t size, const SessionOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->build(File::view(data, size, options.memory_limit), options);
  return Session(std::move(impl));
}

const std::vector<PortInfo>& Session::inputs() const { return impl_->input_infos; }
const std::vector<PortInfo>& Session::outputs() const { return impl_->output_infos; }
void Session::run(const float* const* inputs, float* const* outputs) { impl_->run(inputs, outputs); }
const std::vector<std::string>& Session::class_names() const { return impl_->facts.class_names; }
const std::vector<float>& Session::mean() const { return impl_->facts.mean; }
const std::vector<float>& Session::deviation() const { return impl_->facts.deviation; }
MemoryUse Session::memory() const { return impl_->use; }
const std::vector<LayerInfo>& Session::layers() const { return impl_->layers; }
void Session::time_layers(bool on) { impl_->is_timed = on; }

}  // namespace featherweight
