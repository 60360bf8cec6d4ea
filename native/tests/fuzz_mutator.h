// The mutator of files: it works on the bodies of the sections and repairs the checksums, or no mutation
// would ever get past them.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "featherweight/crc32.h"
#include "little_endian.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace featherweight::fuzz {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kHeader = 64, kEntry = 32, kMaxSections = 8;

inline void put(Bytes& bytes, std::size_t offset, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

struct Body {
  std::uint64_t kind_and_flags;
  Bytes bytes;
};

// Lenient: takes what lies inside the file.
inline std::vector<Body> take_apart(const std::uint8_t* data, std::size_t size) {
  std::vector<Body> bodies;
  if (size < kHeader) return bodies;
  const std::size_t room = std::min((size - kHeader) / kEntry, kMaxSections);
  const std::size_t count = std::min<std::size_t>(load_le32(data + 24), room);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* entry = data + kHeader + i * kEntry;
    const std::size_t offset = std::min<std::uint64_t>(load_le64(entry + 8), size);
    const std::size_t length = std::min<std::uint64_t>(load_le64(entry + 16), size - offset);
    bodies.push_back({load_le64(entry), Bytes(data + offset, data + offset + length)});
  }
  return bodies;
}

inline Bytes put_together(const std::uint8_t* header, const std::vector<Body>& bodies) {
  Bytes file(kHeader + kEntry * bodies.size());
  std::memcpy(file.data(), header, kHeader);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    file.resize((file.size() + 63) / 64 * 64);
    const std::size_t entry = kHeader + i * kEntry;
    put(file, entry, bodies[i].kind_and_flags, 8);
    put(file, entry + 8, file.size(), 8);
    put(file, entry + 16, bodies[i].bytes.size(), 8);
    put(file, entry + 24, crc32(bodies[i].bytes.data(), bodies[i].bytes.size()), 4);
    file.insert(file.end(), bodies[i].bytes.begin(), bodies[i].bytes.end());
  }
  put(file, 16, file.size(), 8);
  put(file, 24, bodies.size(), 4);
  put(file, 28, crc32(file.data() + kHeader, kEntry * bodies.size()), 4);
  put(file, 60, crc32(file.data(), 60), 4);
  return file;
}

}  // namespace featherweight::fuzz

inline std::size_t mutate_file(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  std::vector<featherweight::fuzz::Body> bodies = featherweight::fuzz::take_apart(data, size);
  if (bodies.empty() || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  featherweight::fuzz::Bytes& body = bodies[seed / 16 % bodies.size()].bytes;
  const std::size_t length = body.size();
  body.resize(length + 64);
  body.resize(LLVMFuzzerMutate(body.data(), length, body.size()));
  const featherweight::fuzz::Bytes file = featherweight::fuzz::put_together(data, bodies);
  if (file.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, file.data(), file.size());
  return file.size();
}
