// The words for the numbers of the file, and what follows from them.
#include "featherweight/reader.h"

namespace featherweight {

const char* name_of(DType dtype) {
  static constexpr const char* kNames[] = {"float32", "float16", "int64", "int32",
                                           "uint8",   "int8",    "bool"};
  return kNames[static_cast<int>(dtype)];
}

const char* name_of(Format format) {
  static constexpr const char* kNames[] = {"raw", "shared", "sparse", "sparse_shared"};
  return kNames[static_cast<int>(format)];
}

const char* name_of(Coder coder) {
  static constexpr const char* kNames[] = {"raw", "packed", "huffman", "rans", "context"};
  return kNames[static_cast<int>(coder)];
}

const char* name_of(Role role) {
  static constexpr const char* kNames[] = {"values", "positions", "codebook", "codes"};
  return kNames[static_cast<int>(role)];
}

std::size_t size_of(DType dtype) {
  static constexpr std::size_t kSizes[] = {4, 2, 8, 4, 1, 1, 1};
  return kSizes[static_cast<int>(dtype)];
}

const Block* Tensor::find(Role role) const {
  for (const Block& block : blocks) {
    if (block.role == role) return &block;
  }
  return nullptr;
}

std::uint64_t Tensor::kept() const {
  if (format == Format::raw || format == Format::shared) return elements;
  return blocks.back().symbols;
}

std::uint64_t Tensor::stored_bytes() const {
  std::uint64_t sum = 0;
  for (const Block& block : blocks) sum += block.bytes;
  return sum;
}

std::uint64_t Tensor::decoded_bytes() const {
  std::uint64_t sum = elements * size_of(dtype);
  for (const Block& block : blocks) sum += block.coder == Coder::raw ? 0 : block.symbols;
  return sum;
}

std::vector<std::string> Graph::value_names() const {
  std::vector<std::string> names;
  for (const ValueInfo& input : inputs) names.push_back(input.name);
  for (const Tensor& tensor : tensors) names.push_back(tensor.name);
  for (const Node& node : nodes) names.insert(names.end(), node.outputs.begin(), node.outputs.end());
  return names;
}

}  // namespace featherweight
