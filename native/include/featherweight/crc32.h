// CRC-32 with zlib's polynomial (0xEDB88320 reflected), as stored in every section of a .fwt file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace featherweight {

// The checksum of `size` bytes; `crc` continues an earlier one, as zlib's crc32() does.
std::uint32_t crc32(const std::uint8_t* data, std::size_t size, std::uint32_t crc = 0);

}  // namespace featherweight
