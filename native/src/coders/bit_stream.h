// Bits in bytes, least significant bit first; and the variable-length integers between blocks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "featherweight/coders.h"
#include "featherweight/error.h"
#include "little_endian.h"

namespace featherweight {

class BitWriter {
 public:
  explicit BitWriter(Bytes& bytes) : bytes_(bytes) {}

  // Appends the `num_bits` (at most 32) low bits of `value`, whose higher bits are zero.
  void put(std::uint32_t value, int num_bits) {
    buffer_ |= std::uint64_t{value} << filled_;
    for (filled_ += num_bits; filled_ >= 8; filled_ -= 8, buffer_ >>= 8) {
      bytes_.push_back(static_cast<std::uint8_t>(buffer_));
    }
  }

  // Fills the last byte with zero bits.
  void finish() {
    if (filled_ > 0) bytes_.push_back(static_cast<std::uint8_t>(buffer_));
    buffer_ = 0;
    filled_ = 0;
  }

 private:
  Bytes& bytes_;
  std::uint64_t buffer_ = 0;
  int filled_ = 0;
};

class BitReader {
 public:
  BitReader(const std::uint8_t* data, std::size_t size, std::uint64_t position = 0)
      : data_(data), size_(size), position_(position) {}

  // The next `num_bits` (at most 32); what lies behind the end reads as zero.
  std::uint32_t peek(int num_bits) const {
    const std::size_t first = position_ / 8;
    std::uint64_t word = 0;
    if (first + 8 <= size_) {
      word = load_le64(data_ + first);
    } else {
      for (std::size_t i = first; i < size_; ++i) {
        word |= std::uint64_t{data_[i]} << (8 * (i - first));
      }
    }
    const std::uint64_t mask = (std::uint64_t{1} << num_bits) - 1;
    return static_cast<std::uint32_t>((word >> (position_ % 8)) & mask);
  }

  void skip(int num_bits) { position_ += num_bits; }

  std::uint32_t take(int num_bits) {
    const std::uint32_t value = peek(num_bits);
    skip(num_bits);
    if (position_ > std::uint64_t{size_} * 8) throw MalformedData("a coded block ends too early");
    return value;
  }

  // Throws unless only the zero bits that fill up the last byte are left in this byte.
  // Returns the number of bytes read.
  std::size_t finish() {
    const int padding = static_cast<int>((8 - position_ % 8) % 8);
    if (take(padding) != 0) throw MalformedData("a coded block has stray bits at its end");
    return position_ / 8;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::uint64_t position_;
};

// LEB128: seven bits a byte, low ones first; the high bit says that more follow.
inline void put_varint(Bytes& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

// Reads a varint at `offset` and moves `offset` behind it.
inline std::uint64_t take_varint(const std::uint8_t* data, std::size_t size, std::size_t& offset) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    if (offset >= size) throw MalformedData("a coded block ends too early");
    const std::uint8_t byte = data[offset++];
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  throw MalformedData("a coded block has a length of more than 63 bits");
}

}  // namespace featherweight
