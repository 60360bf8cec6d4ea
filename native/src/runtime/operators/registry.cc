#include <stdexcept>

#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

constexpr Operator kOperators[] = {
    {"Conv", 2, conv_shapes, build_conv},
    {"featherweight.BinaryConv", 3, conv_shapes, build_binary_conv},
    {"featherweight.BinaryGemm", 3, binary_gemm_shapes, build_binary_gemm},
    {"ConvTranspose", 2, conv_transpose_shapes, build_conv_transpose},
    {"DequantizeLinear", 2, same_shape, build_dequantize},
    {"QuantizeLinear", 2, same_shape, build_quantize},
    {"Gemm", 2, gemm_shapes, build_gemm},
    {"MatMul", 2, matmul_shapes, build_matmul},
    {"BatchNormalization", 5, same_shape, build_batch_norm},
    {"LayerNormalization", 2, same_shape, build_layer_norm},
    {"InstanceNormalization", 3, same_shape, build_instance_norm},
    {"LRN", 1, same_shape, build_lrn},
    {"Relu", 1, same_shape, build_unary},
    {"Clip", 1, same_shape, build_unary},
    {"HardSwish", 1, same_shape, build_unary},
    {"HardSigmoid", 1, same_shape, build_unary},
    {"Sigmoid", 1, same_shape, build_unary},
    {"Tanh", 1, same_shape, build_unary},
    {"Gelu", 1, same_shape, build_unary},
    {"Elu", 1, same_shape, build_unary},
    {"LeakyRelu", 1, same_shape, build_unary},
    {"Softplus", 1, same_shape, build_unary},
    {"Erf", 1, same_shape, build_unary},
    {"Exp", 1, same_shape, build_unary},
    {"Log", 1, same_shape, build_unary},
    {"Sqrt", 1, same_shape, build_unary},
    {"Neg", 1, same_shape, build_unary},
    {"Cast", 1, same_shape, build_unary},
    {"Add", 2, binary_shapes, build_binary},
    {"Sub", 2, binary_shapes, build_binary},
    {"Mul", 2, binary_shapes, build_binary},
    {"Div", 2, binary_shapes, build_binary},
    {"Pow", 2, binary_shapes, build_binary},
    {"PRelu", 2, binary_shapes, build_binary},
    {"Softmax", 1, same_shape, build_softmax},
    {"LogSoftmax", 1, same_shape, build_softmax},
    {"MaxPool", 1, pool_shapes, build_pool},
    {"AveragePool", 1, pool_shapes, build_pool},
    {"GlobalMaxPool", 1, global_pool_shapes, build_global_pool},
    {"GlobalAveragePool", 1, global_pool_shapes, build_global_pool},
    {"ReduceMean", 1, reduce_shapes, build_reduce},
    {"ReduceSum", 1, reduce_shapes, build_reduce},
    {"ReduceMax", 1, reduce_shapes, build_reduce},
    {"ReduceL2", 1, reduce_shapes, build_reduce},
    {"Identity", 1, same_shape, build_view},
    {"Reshape", 2, reshape_shapes, build_view},
    {"Flatten", 1, flatten_shapes, build_view},
    {"Squeeze", 1, squeeze_shapes, build_view},
    {"Unsqueeze", 2, unsqueeze_shapes, build_view},
    {"Transpose", 1, transpose_shapes, build_transpose},
    {"Concat", 1, concat_shapes, build_concat},
    {"Split", 1, split_shapes, build_split},
    {"Slice", 3, slice_shapes, build_slice},
    {"Pad", 2, pad_shapes, build_pad},
    {"Gather", 2, gather_shapes, build_gather},
    {"Expand", 2, expand_shapes, build_expand},
    {"Shape", 1, shape_shapes, build_known},
};

}  // namespace

const Operator* find_operator(const std::string& name) {
  for (const Operator& op : kOperators) {
    if (name == op.name) return &op;
  }
  return nullptr;
}

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const Operator& op : kOperators) names.push_back(op.name);
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
