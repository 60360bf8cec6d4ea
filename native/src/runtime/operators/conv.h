// Convolutions of float32 planes, for operators that bring weights of their own.
#pragma once

#include <functional>

#include "runtime/epilogue.h"
#include "runtime/planes.h"
#include "runtime/weights.h"

namespace featherweight::runtime {

Window conv_window(const Model& model, const Node& node);

// The weights of some rows: of one group.
using MakeWeights = std::function<Weights(kernels::Range rows)>;

void build_conv_of(Plan& plan, const Node& node, const LayerEnd& end, const MakeWeights& make);

}  // namespace featherweight::runtime
