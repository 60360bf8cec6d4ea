// Unstructured sparse weights in slots: the first 2 of every 16 columns in cells, the rest in a list.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/matrix.h"
#include "kernels/weights.h"

namespace featherweight::kernels {

// Sums over the entries of one row, as the list keeps them.
std::int32_t overflow_sum(const std::uint16_t* columns, const std::int8_t* weights, int entries,
                          const std::int8_t* x);
float overflow_sum(const std::uint16_t* columns, const std::uint8_t* codes, int entries, const float* x,
                   const float* codebook);

// `weights`: copied. `exact`: float32 arithmetic instead of 8-bit integers; throws
// std::invalid_argument where there is no codebook of at most 16 values.
std::unique_ptr<Matrix> make_slots(const SparseWeights& weights, bool exact);

}  // namespace featherweight::kernels
