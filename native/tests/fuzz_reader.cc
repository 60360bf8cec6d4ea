// A libFuzzer target for the reader: whatever the bytes, it answers or throws MalformedData.
// native/README.md says how to run it.
#include <cstdlib>
#include <vector>

#include "featherweight/reader.h"
#include "fuzz_mutator.h"

namespace fw = featherweight;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::uint64_t kMaxDecoded = 1 << 20;

void require(bool condition) {
  if (!condition) std::abort();
}

void decode_sparse(const fw::Tensor& tensor) {
  std::vector<std::int64_t> positions(tensor.kept());
  fw::decode_positions(tensor, positions.data());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    require(positions[i] > (i == 0 ? -1 : positions[i - 1]));
    require(static_cast<std::uint64_t>(positions[i]) < tensor.elements);
  }
  const std::uint64_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
  if (rows == 0 || tensor.elements / rows > 65536 || rows > kMaxDecoded) return;
  std::vector<std::uint32_t> row_start(rows + 1);
  std::vector<std::uint16_t> columns(tensor.kept());
  fw::decode_rows(tensor, row_start.data(), columns.data());
  require(row_start.front() == 0 && row_start.back() == tensor.kept());
}

void decode(const fw::Tensor& tensor) {
  Bytes dense(tensor.elements * fw::size_of(tensor.dtype));
  fw::decode_dense(tensor, dense.data(), true);
  if (tensor.find(fw::Role::positions) != nullptr) decode_sparse(tensor);
  if (tensor.find(fw::Role::codes) != nullptr) {
    Bytes codes(tensor.kept());
    fw::decode_codes(tensor, codes.data());
    for (const std::uint8_t code : codes) require(code < tensor.find(fw::Role::codebook)->symbols);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const fw::File file = fw::File::view(data, size, kMaxDecoded);
    for (const fw::Tensor& tensor : file.graph().tensors) decode(tensor);
  } catch (const fw::MalformedData&) {
    // The one right way to refuse.
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return mutate_file(data, size, max_size, seed);
}
