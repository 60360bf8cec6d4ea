// A binary range coder with 16-bit probabilities and carries (G. N. N. Martin, "Range encoding: an
// algorithm for removing redundancy from a digitised message", 1979).
//
// The coder narrows an interval [low, low + range) of the numbers below 2^32, at first all of them.
// For a bit whose probability of being 1 is p / 2^16, the first floor(range * p / 2^16) numbers
// stand for 1, the rest for 0. While range < 2^24, the highest byte of low is put out and both are
// multiplied by 2^8. At the end comes the number of the interval with most zero bits at its end,
// without its zero bytes: behind the last byte, the decoder reads zeros.
#pragma once

#include <utility>

#include "coders/bit_stream.h"

namespace featherweight {

class RangeEncoder {
 public:
  // Codes `bit`, whose probability of being 1 is p / 65536 with 0 < p < 65536, and returns it.
  bool code(bool bit, std::uint32_t p) {
    const auto bound = static_cast<std::uint32_t>((std::uint64_t{range_} * p) >> 16);
    if (bit) {
      range_ = bound;
    } else {
      low_ += bound;
      range_ -= bound;
    }
    for (; range_ < 1u << 24; range_ <<= 8) put_byte();
    return bit;
  }

  Bytes finish() {
    for (int zeros = 32; zeros >= 0; --zeros) {
      const std::uint64_t mask = (std::uint64_t{1} << zeros) - 1;
      const std::uint64_t number = (low_ + mask) & ~mask;
      if (number >= low_ + range_) continue;
      low_ = number;
      break;
    }
    for (int i = 0; i < 4; ++i) put_byte();
    while (!bytes_.empty() && bytes_.back() == 0) bytes_.pop_back();
    return std::move(bytes_);
  }

 private:
  void put_byte() {
    if (low_ >> 32 != 0) {
      for (std::size_t i = bytes_.size(); i > 0 && ++bytes_[i - 1] == 0; --i) {
      }
    }
    bytes_.push_back(static_cast<std::uint8_t>(low_ >> 24));
    low_ = (low_ << 8) & 0xFFFFFFFF;
  }

  Bytes bytes_;
  std::uint64_t low_ = 0;
  std::uint32_t range_ = 0xFFFFFFFF;
};

class RangeDecoder {
 public:
  RangeDecoder(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {
    for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next_byte();
  }

  // The next bit; the argument is not used, so that one model drives encoder and decoder.
  bool code(bool, std::uint32_t p) {
    const auto bound = static_cast<std::uint32_t>((std::uint64_t{range_} * p) >> 16);
    const bool bit = code_ < bound;
    if (bit) {
      range_ = bound;
    } else {
      code_ -= bound;
      range_ -= bound;
    }
    for (; range_ < 1u << 24; range_ <<= 8) code_ = code_ << 8 | next_byte();
    return bit;
  }

  // Throws if the data goes on behind what was decoded.
  void finish() const {
    if (position_ < size_) throw MalformedData("a context block is too long");
    if (size_ > 0 && data_[size_ - 1] == 0) {
      throw MalformedData("a context block ends in a zero byte");
    }
  }

 private:
  std::uint8_t next_byte() {
    const std::uint8_t byte = position_ < size_ ? data_[position_] : 0;
    ++position_;
    return byte;
  }

  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t position_ = 0;
  std::uint32_t code_ = 0;
  std::uint32_t range_ = 0xFFFFFFFF;
};

}  // namespace featherweight
