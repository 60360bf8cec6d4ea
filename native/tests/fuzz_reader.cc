// A libFuzzer target for the reader: whatever the bytes, it answers or throws MalformedData.
// The mutator works on the bodies of the sections and repairs the checksums, or no mutation would
// ever get past them. native/README.md says how to run it.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "featherweight/crc32.h"
#include "featherweight/reader.h"
#include "little_endian.h"

namespace fw = featherweight;
using Bytes = std::vector<std::uint8_t>;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::uint64_t kMaxDecoded = 1 << 20;
constexpr std::size_t kHeader = 64, kEntry = 32, kMaxSections = 8;

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

void put(Bytes& bytes, std::size_t offset, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

struct Body {
  std::uint64_t kind_and_flags;
  Bytes bytes;
};

// Lenient: takes what lies inside the file.
std::vector<Body> take_apart(const std::uint8_t* data, std::size_t size) {
  std::vector<Body> bodies;
  if (size < kHeader) return bodies;
  const std::size_t room = std::min((size - kHeader) / kEntry, kMaxSections);
  const std::size_t count = std::min<std::size_t>(fw::load_le32(data + 24), room);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* entry = data + kHeader + i * kEntry;
    const std::size_t offset = std::min<std::uint64_t>(fw::load_le64(entry + 8), size);
    const std::size_t length = std::min<std::uint64_t>(fw::load_le64(entry + 16), size - offset);
    bodies.push_back({fw::load_le64(entry), Bytes(data + offset, data + offset + length)});
  }
  return bodies;
}

Bytes put_together(const std::uint8_t* header, const std::vector<Body>& bodies) {
  Bytes file(kHeader + kEntry * bodies.size());
  std::memcpy(file.data(), header, kHeader);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    file.resize((file.size() + 63) / 64 * 64);
    const std::size_t entry = kHeader + i * kEntry;
    put(file, entry, bodies[i].kind_and_flags, 8);
    put(file, entry + 8, file.size(), 8);
    put(file, entry + 16, bodies[i].bytes.size(), 8);
    put(file, entry + 24, fw::crc32(bodies[i].bytes.data(), bodies[i].bytes.size()), 4);
    file.insert(file.end(), bodies[i].bytes.begin(), bodies[i].bytes.end());
  }
  put(file, 16, file.size(), 8);
  put(file, 24, bodies.size(), 4);
  put(file, 28, fw::crc32(file.data() + kHeader, kEntry * bodies.size()), 4);
  put(file, 60, fw::crc32(file.data(), 60), 4);
  return file;
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

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  std::vector<Body> bodies = take_apart(data, size);
  if (bodies.empty() || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Bytes& body = bodies[seed / 16 % bodies.size()].bytes;
  const std::size_t length = body.size();
  body.resize(length + 64);
  body.resize(LLVMFuzzerMutate(body.data(), length, body.size()));
  const Bytes file = put_together(data, bodies);
  if (file.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, file.data(), file.size());
  return file.size();
}
