// Stored tensors in the execution format that suits a layer and this machine.
#pragma once

#include <memory>
#include <string>

#include "kernels/matrix.h"
#include "runtime/plan.h"

namespace featherweight::runtime {

// How a layer uses its weights.
struct Use {
  int rows, depth;  // of the whole tensor, read as a matrix
  int columns;      // that one run multiplies; 1: a vector
};

struct Weights {
  std::unique_ptr<kernels::Matrix> matrix;
  std::string note;  // why this format, where it is not the obvious one
};

// Rows `rows` of a stored tensor. Transposed, its columns are the matrix' rows.
Weights make_weights(const Plan& plan, const Node& node, std::size_t input, const Use& use,
                     kernels::Range rows, bool is_transposed = false);

}  // namespace featherweight::runtime
