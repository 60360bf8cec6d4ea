// A node's tail and bias as a kernel's epilogue.
#pragma once

#include "runtime/plan.h"

namespace featherweight::runtime {

struct LayerEnd {
  kernels::Epilogue epilogue;  // residual is filled in when the step runs
  int residual = -1;

  // For the rows from `row` on, of `memory`'s image at `offset` elements of the output.
  kernels::Epilogue at(const Memory& memory, std::int64_t row, std::int64_t offset) const;
};

// `bias_input`: which input of the node is the bias, if it is given.
LayerEnd layer_end(Plan& plan, const Node& node, std::size_t bias_input, std::int64_t rows);

// Scale and shift of a BatchNormalization: y = x * scale + shift, computed in double.
struct NormVectors {
  std::vector<float> scale, shift;
};
NormVectors norm_vectors(const Model& model, const Node& norm);

}  // namespace featherweight::runtime
