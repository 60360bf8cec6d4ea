#include "coders/packed.h"

#include <string>

#include "coders/bit_stream.h"

namespace featherweight {
namespace {

void check_num_bits(int num_bits) {
  if (num_bits < 1 || num_bits > 8) {
    throw std::invalid_argument("num_bits must be between 1 and 8 inclusive, but got num_bits=" +
                                std::to_string(num_bits));
  }
}

}  // namespace

Bytes packed_encode(const std::uint8_t* symbols, std::size_t count, int num_bits) {
  check_num_bits(num_bits);
  Bytes bytes;
  bytes.reserve(count / 8 * num_bits + 8);
  BitWriter writer(bytes);
  for (std::size_t i = 0; i < count; ++i) {
    if (symbols[i] >> num_bits != 0) {
      throw std::invalid_argument("symbol " + std::to_string(symbols[i]) + " does not fit in " +
                                  std::to_string(num_bits) + " bits");
    }
    writer.put(symbols[i], num_bits);
  }
  writer.finish();
  return bytes;
}

void packed_decode(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                   std::size_t count, int num_bits) {
  check_num_bits(num_bits);
  // Eight symbols fill num_bits bytes; in this form no product overflows.
  const std::size_t expected = count / 8 * num_bits + (count % 8 * num_bits + 7) / 8;
  if (size != expected) throw MalformedData("a packed block is not as long as its symbols");
  const std::uint64_t mask = (1u << num_bits) - 1;
  std::size_t i = 0;
  std::size_t first = 0;
  for (; first + 8 <= size; first += num_bits) {
    const std::uint64_t word = load_le64(data + first);
    for (int k = 0; k < 8; ++k) out[i + k] = (word >> (k * num_bits)) & mask;
    i += 8;
  }
  BitReader reader(data + first, size - first);
  for (; i < count; ++i) out[i] = static_cast<std::uint8_t>(reader.take(num_bits));
  reader.finish();
}

}  // namespace featherweight
