// Little-endian loads and stores in unaligned memory; compilers turn each into one instruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "featherweight's native half is written for little-endian machines"
#endif

namespace featherweight {

template <typename Word>
inline Word load_le(const std::uint8_t* data) {
  Word word;
  std::memcpy(&word, data, sizeof(word));
  return word;
}

template <typename Word>
inline void store_le(std::uint8_t* data, Word word) {
  std::memcpy(data, &word, sizeof(word));
}

inline std::uint16_t load_le16(const std::uint8_t* data) { return load_le<std::uint16_t>(data); }
inline std::uint32_t load_le32(const std::uint8_t* data) { return load_le<std::uint32_t>(data); }
inline std::uint64_t load_le64(const std::uint8_t* data) { return load_le<std::uint64_t>(data); }

}  // namespace featherweight
