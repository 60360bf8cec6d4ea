// Weights that a file holds in parts: cut into groups, into vectors of a codebook, or into pieces.
#pragma once

#include "runtime/model.h"

namespace featherweight::runtime {

// Carries out the nodes that join stored numbers alone (Reshape, and Gather and Concat along the first
// dimension), so that layers find whole weights, as floats. Call it after take_quantization.
void make_stored(Model& model);

}  // namespace featherweight::runtime
