#include <map>
#include <stdexcept>

#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

const std::map<std::string, Operator>& registry() {
  static const std::map<std::string, Operator> kOperators = [] {
    std::map<std::string, Operator> all;
    const auto add = [&](const char* name, std::size_t inputs, auto shapes, auto build) {
      all[name] = {name, inputs, shapes, build};
    };
    add("Conv", 2, conv_shapes, build_conv);
    add("featherweight.BinaryConv", 3, conv_shapes, build_binary_conv);
    add("featherweight.BinaryGemm", 3, binary_gemm_shapes, build_binary_gemm);
    add("ConvTranspose", 2, conv_transpose_shapes, build_conv_transpose);
    add("DequantizeLinear", 2, same_shape, build_dequantize);
    add("QuantizeLinear", 2, same_shape, build_quantize);
    add("Gemm", 2, gemm_shapes, build_gemm);
    add("MatMul", 2, matmul_shapes, build_matmul);
    add("BatchNormalization", 5, same_shape, build_batch_norm);
    add("LayerNormalization", 2, same_shape, build_layer_norm);
    add("InstanceNormalization", 3, same_shape, build_instance_norm);
    add("LRN", 1, same_shape, build_lrn);
    for (const char* name : {"Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Gelu", "Elu", "LeakyRelu",
                             "Softplus", "Erf", "Exp", "Log", "Sqrt", "Neg", "Cast"}) {
      add(name, 1, same_shape, build_unary);
    }
    for (const char* name : {"Add", "Sub", "Mul", "Div", "Pow", "PRelu"}) add(name, 2, binary_shapes, build_binary);
    for (const char* name : {"Softmax", "LogSoftmax"}) add(name, 1, same_shape, build_softmax);
    for (const char* name : {"MaxPool", "AveragePool"}) add(name, 1, pool_shapes, build_pool);
    for (const char* name : {"GlobalMaxPool", "GlobalAveragePool"}) add(name, 1, global_pool_shapes, build_global_pool);
    for (const char* name : {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2"}) add(name, 1, reduce_shapes, build_reduce);
    add("Identity", 1, same_shape, build_view);
    add("Reshape", 2, reshape_shapes, build_view);
    add("Flatten", 1, flatten_shapes, build_view);
    add("Squeeze", 1, squeeze_shapes, build_view);
    add("Unsqueeze", 2, unsqueeze_shapes, build_view);
    add("Transpose", 1, transpose_shapes, build_transpose);
    add("Concat", 1, concat_shapes, build_concat);
    add("Split", 1, split_shapes, build_split);
    add("Slice", 3, slice_shapes, build_slice);
    add("Pad", 2, pad_shapes, build_pad);
    add("Gather", 2, gather_shapes, build_gather);
    add("Expand", 2, expand_shapes, build_expand);
    add("Shape", 1, shape_shapes, build_known);
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
