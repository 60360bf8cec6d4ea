#include <map>
#include <stdexcept>

#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

const std::map<std::string, Operator>& registry() {
  static const std::map<std::string, Operator> kOperators = [] {
    std::map<std::string, Operator> all;
    const auto add = [&](const char* name, auto shapes, auto build) { all[name] = {name, shapes, build}; };
    add("Conv", conv_shapes, build_conv);
    add("featherweight.BinaryConv", conv_shapes, build_binary_conv);
    add("featherweight.BinaryGemm", binary_gemm_shapes, build_binary_gemm);
    add("ConvTranspose", conv_transpose_shapes, build_conv_transpose);
    add("DequantizeLinear", same_shape, build_dequantize);
    add("QuantizeLinear", same_shape, build_quantize);
    add("Gemm", gemm_shapes, build_gemm);
    add("MatMul", matmul_shapes, build_matmul);
    add("BatchNormalization", same_shape, build_batch_norm);
    add("LayerNormalization", same_shape, build_layer_norm);
    add("InstanceNormalization", same_shape, build_instance_norm);
    add("LRN", same_shape, build_lrn);
    for (const char* name : {"Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Gelu", "Elu", "LeakyRelu",
                             "Softplus", "Erf", "Exp", "Log", "Sqrt", "Neg", "Cast"}) {
      add(name, same_shape, build_unary);
    }
    for (const char* name : {"Add", "Sub", "Mul", "Div", "Pow", "PRelu"}) add(name, binary_shapes, build_binary);
    for (const char* name : {"Softmax", "LogSoftmax"}) add(name, same_shape, build_softmax);
    for (const char* name : {"MaxPool", "AveragePool"}) add(name, pool_shapes, build_pool);
    for (const char* name : {"GlobalMaxPool", "GlobalAveragePool"}) add(name, global_pool_shapes, build_global_pool);
    for (const char* name : {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2"}) add(name, reduce_shapes, build_reduce);
    add("Identity", same_shape, build_view);
    add("Reshape", reshape_shapes, build_view);
    add("Flatten", flatten_shapes, build_view);
    add("Squeeze", squeeze_shapes, build_view);
    add("Unsqueeze", unsqueeze_shapes, build_view);
    add("Transpose", transpose_shapes, build_transpose);
    add("Concat", concat_shapes, build_concat);
    add("Split", split_shapes, build_split);
    add("Slice", slice_shapes, build_slice);
    add("Pad", pad_shapes, build_pad);
    add("Gather", gather_shapes, build_gather);
    add("Expand", expand_shapes, build_expand);
    add("Shape", shape_shapes, build_known);
    return all;
  }();
  return kOperators;
}

}  // namespace

const Operator* find_operator(const std::string& name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : &found->second;
}

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const auto& [name, op] : registry()) names.push_back(name);
  return names;
}

DType output_dtype(const Model& model, const Node& node) {
  if (node.op == "Shape") return DType::int64;
  if (node.op == "DequantizeLinear") return model.input(node, 1).dtype;
  if (node.op == "QuantizeLinear") return node.has_input(2) ? model.input(node, 2).dtype : DType::uint8;
  if (node.op != "Cast") return model.input(node, 0).dtype;
  switch (node.integer("to", 1)) {  // ONNX' numbers
    case 1: case 10: return DType::float32;
    case 2: return DType::uint8;
    case 3: return DType::int8;
    case 6: return DType::int32;
    case 7: return DType::int64;
    default: return DType::boolean;
  }
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const std::int64_t at = axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
  if (at < 0 || at >= static_cast<std::int64_t>(rank)) {
    throw std::invalid_argument("axis " + std::to_string(axis) + " is outside " + std::to_string(rank) + " dimensions");
  }
  return static_cast<std::size_t>(at);
}

}  // namespace featherweight::runtime
