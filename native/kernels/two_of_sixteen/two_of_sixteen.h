// At most 2 weights of every 16 consecutive columns.
#pragma once

#include <memory>

#include "kernels/matrix.h"
#include "kernels/weights.h"

namespace featherweight::kernels {

// `weights`: copied. `exact`: float32 arithmetic instead of 8-bit integers. Throws
// std::invalid_argument where a row keeps more, or where `exact` has no codebook of at most 16 values.
std::unique_ptr<Matrix> make_two_of_sixteen(const SparseWeights& weights, bool exact);

}  // namespace featherweight::kernels
