// Arithmetic on shapes, done when the file is loaded.
#pragma once

#include "runtime/model.h"

namespace featherweight::runtime {

// If all that `node` reads is known integers (or it reads only a shape), its output becomes known and
// the node is gone. The output's shape is known already.
void fold(Model& model, Node& node);

}  // namespace featherweight::runtime
