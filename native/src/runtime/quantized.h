// 8-bit layers as ONNX writes them (docs/integer-arithmetic.md): QuantizeLinear and DequantizeLinear around the
// input of a convolution or linear layer whose weights are a stored int8 tensor's DequantizeLinear.
#pragma once

#include "runtime/model.h"

namespace featherweight::runtime {

// A DequantizeLinear of stored numbers becomes a stored value of floats. With `in_integers`, Conv and Gemm nodes
// of that pattern read the float value itself and quantize it (`Node::input8`); what is left runs in float32.
void take_quantization(Model& model, bool in_integers);

}  // namespace featherweight::runtime
