// Slice-by-8: eight table look-ups take in eight bytes at once.
// M. E. Kounavis, F. L. Berry, "Novel Table Lookup-Based Algorithms for High-Performance
// CRC Generation", IEEE Transactions on Computers 57(11), 2008.
#include "featherweight/crc32.h"

#include <array>

#include "little_endian.h"

namespace featherweight {
namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320;
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b] is the checksum of the byte b followed by k zero bytes.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

std::uint32_t crc32(const std::uint8_t* data, std::size_t size, std::uint32_t crc) {
  crc = ~crc;
  for (; size >= 8; data += 8, size -= 8) {
    const std::uint64_t word = load_le64(data) ^ crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(word >> (8 * k)) & 0xFF];
  }
  for (; size > 0; ++data, --size) crc = (crc >> 8) ^ kTables[0][(crc ^ *data) & 0xFF];
  return ~crc;
}

}  // namespace featherweight
