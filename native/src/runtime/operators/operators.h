// What the runtime can run. One file a family; `registry.cc` lists them all.
#pragma once

#include <string>
#include <vector>

#include "runtime/plan.h"

namespace featherweight::runtime {

struct Window;

struct Operator {
  const char* name;
  std::size_t inputs;  // the first so many must be given
  // The shapes of the outputs. Throws std::invalid_argument where the inputs' shapes do not fit.
  std::vector<Shape> (*shapes)(const Model&, const Node&);
  // Adds steps, or places the outputs in memory that is there already.
  void (*build)(Plan&, const Node&);
};

const Operator* find_operator(const std::string& name);  // null if there is none
std::vector<std::string> operator_names();

// The element type of a node's outputs.
DType output_dtype(const Model& model, const Node& node);

// A dimension counted from the end where it is negative. Throws std::invalid_argument.
std::size_t axis_of(std::int64_t axis, std::size_t rank);

// ---- by family; each is one row of the registry ----
using Shapes = std::vector<Shape>;
Shapes same_shape(const Model&, const Node&);  // as the first input

Shapes conv_shapes(const Model&, const Node&);
void build_conv(Plan&, const Node&);
void build_binary_conv(Plan&, const Node&);
void build_int8_conv(Plan&, const Node&);
void build_quantize(Plan&, const Node&);
void build_dequantize(Plan&, const Node&);
Shapes binary_gemm_shapes(const Model&, const Node&);
void build_binary_gemm(Plan&, const Node&);
void build_depthwise(Plan&, const Node&, const Window&);  // a convolution whose filters read one channel
Shapes conv_transpose_shapes(const Model&, const Node&);
void build_conv_transpose(Plan&, const Node&);
Shapes gemm_shapes(const Model&, const Node&);
void build_gemm(Plan&, const Node&);
Shapes matmul_shapes(const Model&, const Node&);
void build_matmul(Plan&, const Node&);
void build_batch_norm(Plan&, const Node&);
void build_layer_norm(Plan&, const Node&);
void build_instance_norm(Plan&, const Node&);
void build_lrn(Plan&, const Node&);
void build_unary(Plan&, const Node&);
Shapes binary_shapes(const Model&, const Node&);
void build_binary(Plan&, const Node&);
void build_softmax(Plan&, const Node&);
Shapes pool_shapes(const Model&, const Node&);
void build_pool(Plan&, const Node&);
Shapes global_pool_shapes(const Model&, const Node&);
void build_global_pool(Plan&, const Node&);
Shapes reduce_shapes(const Model&, const Node&);
void build_reduce(Plan&, const Node&);
Shapes reshape_shapes(const Model&, const Node&);
Shapes flatten_shapes(const Model&, const Node&);
Shapes squeeze_shapes(const Model&, const Node&);
Shapes unsqueeze_shapes(const Model&, const Node&);
void build_view(Plan&, const Node&);
Shapes transpose_shapes(const Model&, const Node&);
void build_transpose(Plan&, const Node&);
Shapes concat_shapes(const Model&, const Node&);
void build_concat(Plan&, const Node&);
Shapes split_shapes(const Model&, const Node&);
void build_split(Plan&, const Node&);
Shapes slice_shapes(const Model&, const Node&);
void build_slice(Plan&, const Node&);
Shapes pad_shapes(const Model&, const Node&);
void build_pad(Plan&, const Node&);
Shapes gather_shapes(const Model&, const Node&);
void build_gather(Plan&, const Node&);
Shapes expand_shapes(const Model&, const Node&);
void build_expand(Plan&, const Node&);
Shapes shape_shapes(const Model&, const Node&);
void build_known(Plan&, const Node&);  // only ever folded

}  // namespace featherweight::runtime
