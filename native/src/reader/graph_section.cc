#include "reader/graph_section.h"

#include <algorithm>
#include <string_view>

#include "reader/fail.h"

namespace featherweight {
namespace {

constexpr std::size_t kMaxName = 255;

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

Dimension read_dimension(CborReader& cbor) {
  if (cbor.peek() == CborReader::Kind::text) return read_name(cbor);
  const std::int64_t size = cbor.integer();
  if (size < 1) cbor.fail("a dimension of an input or output must be positive");
  return size;
}

ValueInfo read_value_info(CborReader& cbor) {
  if (cbor.array() != 3) cbor.fail("an input or output must be [name, dtype, shape]");
  ValueInfo info;
  info.name = read_name(cbor);
  info.dtype = read_dtype(cbor);
  const std::size_t rank = cbor.array();
  for (std::size_t i = 0; i < rank; ++i) info.shape.push_back(read_dimension(cbor));
  return info;
}

float read_float(CborReader& cbor) {
  const double value = cbor.real();
  const auto rounded = static_cast<float>(value);
  if (value == value && static_cast<double>(rounded) != value) {
    cbor.fail("a float attribute does not fit 32 bits");
  }
  return rounded;
}

Attribute read_list(CborReader& cbor) {
  const std::size_t count = cbor.array();
  if (count > 0 && cbor.peek() == CborReader::Kind::real) {
    std::vector<float> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(read_float(cbor));
    return values;
  }
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(cbor.integer());
  return values;
}

Attribute read_attribute(CborReader& cbor) {
  switch (cbor.peek()) {
    case CborReader::Kind::integer: return cbor.integer();
    case CborReader::Kind::real: return read_float(cbor);
    case CborReader::Kind::text: return std::string(cbor.text());
    case CborReader::Kind::array: return read_list(cbor);
    default: cbor.fail("an attribute must be an integer, a float, text or an array of numbers");
  }
}

Node read_node(CborReader& cbor) {
  if (cbor.array() != 4) cbor.fail("a node must be [operator, inputs, outputs, attributes]");
  Node node;
  node.op = read_name(cbor);
  const std::size_t inputs = cbor.array();
  for (std::size_t i = 0; i < inputs; ++i) {
    const std::int64_t value = cbor.integer();
    if (value < kMissing || value > INT32_MAX) cbor.fail("an input must be -1 or a value's number");
    node.inputs.push_back(static_cast<std::int32_t>(value));
  }
  const std::size_t outputs = cbor.array();
  for (std::size_t i = 0; i < outputs; ++i) {
    const bool is_missing = cbor.peek() == CborReader::Kind::text && CborReader(cbor).text().empty();
    node.outputs.push_back(is_missing ? std::string(cbor.text()) : read_name(cbor));
  }
  const std::size_t attributes = cbor.map();
  std::string_view key;
  for (std::size_t i = 0; i < attributes; ++i) {
    key = cbor.key(key, i == 0);
    if (key.empty() || key.size() > kMaxName || !is_printable(key)) {
      cbor.fail("the name of an attribute must be 1 to 255 bytes without control characters");
    }
    node.attributes.emplace_back(key, read_attribute(cbor));
  }
  return node;
}

template <typename Item>
void read_items(CborReader& cbor, std::vector<Item>& items, Item (*read)(CborReader&)) {
  const std::size_t count = cbor.array();
  for (std::size_t i = 0; i < count; ++i) items.push_back(read(cbor));
}

void check_names(const Graph& graph, const std::vector<std::string>& names) {
  std::vector<std::string_view> sorted;
  for (const std::string& name : names) {
    if (!name.empty()) sorted.push_back(name);
  }
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    fail("section graph: the names of values must be distinct, but '%.*s' occurs twice.",
         static_cast<int>(twice->size()), twice->data());
  }
  for (const ValueInfo& output : graph.outputs) {
    if (!std::binary_search(sorted.begin(), sorted.end(), std::string_view(output.name))) {
      fail("section graph: output '%s' is never computed.", output.name.c_str());
    }
  }
}

void check_order(const Graph& graph, const std::vector<std::string>& names) {
  std::size_t known = graph.inputs.size() + graph.tensors.size();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const std::int32_t value : node.inputs) {
      if (value == kMissing) continue;
      const auto number = static_cast<std::size_t>(value);
      if (number >= known || names[number].empty()) {
        fail("section graph: node %llu (%s) reads value %d, but only %llu values stand before it.",
             static_cast<Llu>(i), node.op.c_str(), value, static_cast<Llu>(known));
      }
    }
    known += node.outputs.size();
  }
}

}  // namespace

std::string read_name(CborReader& cbor) {
  const std::string_view text = cbor.text();
  if (text.empty() || text.size() > kMaxName || !is_printable(text)) {
    cbor.fail("a name must be 1 to 255 bytes without control characters");
  }
  return std::string(text);
}

DType read_dtype(CborReader& cbor) {
  const std::int64_t value = cbor.integer();
  if (value < 0 || value > static_cast<int>(DType::boolean)) cbor.fail("a dtype must be 0 to 6");
  return static_cast<DType>(value);
}

Graph read_graph(CborReader& cbor) {
  Graph graph;
  int found = 0;
  const std::size_t pairs = cbor.map();
  std::string_view key;
  for (std::size_t i = 0; i < pairs; ++i) {
    key = cbor.key(key, i == 0);
    ++found;
    if (key == "inputs") read_items(cbor, graph.inputs, read_value_info);
    else if (key == "outputs") read_items(cbor, graph.outputs, read_value_info);
    else if (key == "nodes") read_items(cbor, graph.nodes, read_node);
    else if (key == "tensors") read_items(cbor, graph.tensors, read_tensor);
    else {
      --found;
      // A later minor version may add keys.
      if (key == "storage_only") graph.storage_only = cbor.boolean();
      else cbor.skip(1);
    }
  }
  if (found != 4) cbor.fail("the keys inputs, outputs, nodes and tensors must be there");
  cbor.finish();
  const std::vector<std::string> names = graph.value_names();
  check_names(graph, names);
  check_order(graph, names);
  return graph;
}

}  // namespace featherweight
