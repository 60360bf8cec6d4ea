// What the layers of binary weights share: inputs x, weight (-1 and +1), alpha, bias.
#pragma once

#include "runtime/epilogue.h"

namespace featherweight::runtime {

// The layer's end with alpha in its scale.
LayerEnd binary_end(Plan& plan, const Node& node, std::int64_t rows);

// Whether signs of the input are multiplied, and not the input itself.
bool has_binary_input(const Node& node);
bool has_scale_map(const Node& node);

// The sum of |x| of `count` numbers.
float magnitude(const float* x, std::int64_t count);

}  // namespace featherweight::runtime
