// 8-bit layers as ONNX writes them (docs/integer-arithmetic.md): QuantizeLinear and DequantizeLinear around the
// input of a convolution or linear layer whose weights are a stored int8 tensor's DequantizeLinear.
#pragma once

#include <optional>

#include "runtime/model.h"

namespace featherweight::runtime {

// A DequantizeLinear of stored numbers becomes a stored value of floats. With `in_integers`, Conv and Gemm nodes
// of that pattern read the float value itself and quantize it (`Node::input8`); what is left runs in float32.
void take_quantization(Model& model, bool in_integers);

// After `fuse`: a convolution that reads 8 bits writes 8 bits (`Node::output8`) where others read them with one
// quantization, which then read a value that `is_int8x4`. The floats are not written if nobody reads them.
void hand_on_bytes(Model& model);

// What QuantizeLinear `there` and DequantizeLinear `back` do together, with one stored scale for all; nothing
// where `back` does not undo what `there` does.
std::optional<kernels::Quantization> there_and_back(const Model& model, const Node& there, const Node& back);

}  // namespace featherweight::runtime
