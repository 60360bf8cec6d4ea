// Nodes that another node does on its way: batch-norm, a residual sum and an activation after a
// convolution or a linear layer; an activation after a sum or a batch-norm.
#pragma once

#include "runtime/model.h"

namespace featherweight::runtime {

void fuse(Model& model);

}  // namespace featherweight::runtime
