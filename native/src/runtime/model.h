// A file's graph for one batch size: every shape known, integer arithmetic on shapes folded away.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "featherweight/reader.h"
#include "kernels/int8/quantization.h"
#include "kernels/product.h"
#include "runtime/shape.h"

namespace featherweight::runtime {

// What the whole numbers of a stored tensor mean: (q - zero_point) * scale, one for all or one along `axis`.
struct Steps {
  std::vector<float> scale, zero_point;
  std::size_t axis = 0;
};

struct Value {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
  const Tensor* stored = nullptr;                     // a tensor of the file, still coded
  std::optional<Steps> steps;                         // `stored` holds 8-bit numbers that mean floats
  std::optional<std::vector<std::int64_t>> integers;  // known at load: shapes, axes, indices
  bool is_int8x4 = false;  // lies in memory as elements of four channels' bytes instead of floats
  bool is_known() const { return stored != nullptr || integers.has_value(); }
};

// What is done to a node's sums before they are stored (fuse.h).
struct Tail {
  int norm = -1;      // the node of a BatchNormalization
  int residual = -1;  // a value of the output's shape that is added
  kernels::Ending ending;
};

// What a product writes in 8 bits for those that read it so, besides outputs[0] or, where that is -1, instead.
struct Output8 {
  int value;
  kernels::Quantization quantization;
};

struct Node {
  std::string op;
  std::string layer;         // what people call it, for messages
  std::vector<int> inputs;   // numbers of values; -1 is not given
  std::vector<int> outputs;  // the same
  const std::vector<std::pair<std::string, Attribute>>* attributes = nullptr;
  Tail tail;
  std::optional<kernels::Quantization> input8;  // a product whose first input is 8-bit (quantized.h)
  std::optional<Output8> output8;
  bool is_gone = false;  // folded, or done by another node's tail

  std::int64_t integer(const char* name, std::int64_t fallback) const;
  float real(const char* name, float fallback) const;
  std::string word(const char* name, const char* fallback) const;
  std::vector<std::int64_t> integers(const char* name, std::vector<std::int64_t> fallback) const;
  bool has(const char* name) const { return find(name) != nullptr; }
  bool has_input(std::size_t i) const { return i < inputs.size() && inputs[i] >= 0; }

 private:
  const Attribute* find(const char* name) const;
};

// A tensor that the file holds in parts (made.h).
struct Made {
  std::vector<float> values;
  Tensor tensor;
};

struct Model {
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<int> inputs, outputs;
  std::uint64_t memory_limit = UINT64_MAX;  // SessionOptions::memory_limit
  std::vector<std::unique_ptr<Made>> made;

  const Value& input(const Node& node, std::size_t i) const { return values[node.inputs[i]]; }
  const Value& output(const Node& node, std::size_t i = 0) const { return values[node.outputs[i]]; }
  // Integers that an operator must know before it runs (axes, sizes). Throws if they are computed.
  const std::vector<std::int64_t>& known(const Node& node, std::size_t i) const;
  // A stored tensor as float32, of any stored dtype but 64-bit integers.
  std::vector<float> floats(const Node& node, std::size_t i) const;
  // The 8-bit numbers of a stored tensor as they are.
  std::vector<std::int8_t> bytes(const Node& node, std::size_t i) const;
};

// Throws RunError where the network cannot run: an operator that is not there, shapes that do not fit.
Model read_model(const Graph& graph, std::int64_t batch, std::uint64_t memory_limit);

[[noreturn]] void refuse(const Node& node, const std::string& why);

}  // namespace featherweight::runtime
