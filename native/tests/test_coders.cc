// Round trips and hostile blocks for every coder; meant to be run with the sanitizers.
// The Python tests (tests/native) check sizes and more kinds of data.
#include <algorithm>
#include <bitset>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "featherweight/coders.h"
#include "featherweight/crc32.h"
#include "featherweight/error.h"

namespace fw = featherweight;
using fw::Bytes;

namespace {

struct Coder {
  int num_bits;  // of its symbols
  bool is_slow;
  std::function<Bytes(const Bytes&)> encode;
  std::function<void(const Bytes&, Bytes&)> decode;  // fills what it is given
};

// Where the elements of the third context coder lie: in rows of 40, the more apart the further on.
std::vector<std::int64_t> positions(std::size_t count) {
  std::vector<std::int64_t> result(count);
  for (std::size_t i = 0; i < count; ++i) {
    result[i] = static_cast<std::int64_t>(i + i / 7 + i / 100);
  }
  return result;
}

std::vector<Coder> coders() {
  return {
      {8, false, [](const Bytes& s) { return fw::huffman_encode(s.data(), s.size()); },
       [](const Bytes& d, Bytes& out) {
         fw::huffman_decode(d.data(), d.size(), out.data(), out.size());
       }},
      {8, false, [](const Bytes& s) { return fw::rans_encode(s.data(), s.size()); },
       [](const Bytes& d, Bytes& out) {
         fw::rans_decode(d.data(), d.size(), out.data(), out.size());
       }},
      {3, false, [](const Bytes& s) { return fw::packed_encode(s.data(), s.size(), 3); },
       [](const Bytes& d, Bytes& out) {
         fw::packed_decode(d.data(), d.size(), out.data(), out.size(), 3);
       }},
      {8, true, [](const Bytes& s) { return fw::context_encode_codes(s.data(), s.size(), 8); },
       [](const Bytes& d, Bytes& out) {
         fw::context_decode_codes(d.data(), d.size(), out.data(), out.size(), 8);
       }},
      {5, true,
       [](const Bytes& s) {
         return fw::context_encode_codes(s.data(), s.size(), 5, 40, positions(s.size()).data());
       },
       [](const Bytes& d, Bytes& out) {
         fw::context_decode_codes(d.data(), d.size(), out.data(), out.size(), 5, 40,
                                  positions(out.size()).data());
       }},
      {1, true, [](const Bytes& s) { return fw::context_encode_mask(s.data(), s.size(), 33); },
       [](const Bytes& d, Bytes& out) {
         fw::context_decode_mask(d.data(), d.size(), out.data(), out.size(), 33);
       }},
  };
}

// Geometric symbols: a few common ones, some rare ones.
Bytes symbols_of(std::mt19937& random, std::size_t count, int num_bits) {
  Bytes symbols(count);
  for (std::uint8_t& symbol : symbols) {
    unsigned value = 0;
    while (random() % 8 != 0) ++value;
    symbol = static_cast<std::uint8_t>(std::min(value, (1u << num_bits) - 1));
  }
  return symbols;
}

void check_round_trip(const Coder& coder, const Bytes& symbols) {
  Bytes out(symbols.size(), 0xAA);
  coder.decode(coder.encode(symbols), out);
  CHECK(out == symbols);
}

// Whatever comes out, nothing but MalformedData is thrown, and the sanitizers stay silent.
void decode_hostile(const Coder& coder, const Bytes& data, std::size_t count) {
  Bytes out(count);
  try {
    coder.decode(data, out);
  } catch (const fw::MalformedData&) {
  }
}

void test_round_trips(const Coder& coder) {
  std::mt19937 random(1);
  for (const std::size_t count : {0, 1, 2, 9, 1000, 1023, 1024, 1025, 4095, 4096, 4103, 66000}) {
    if (count > 5000 && coder.is_slow) continue;
    check_round_trip(coder, symbols_of(random, count, coder.num_bits));
    Bytes uniform(count);
    for (std::uint8_t& symbol : uniform) symbol = random() % (1u << coder.num_bits);
    check_round_trip(coder, uniform);
    check_round_trip(coder, Bytes(count, 1));
  }
}

void test_hostile_blocks(const Coder& coder) {
  std::mt19937 random(2);
  for (const std::size_t count : {30, 1100, 4200}) {
    const Bytes data = coder.encode(symbols_of(random, count, coder.num_bits));
    for (std::size_t size = 0; size < data.size(); size += 1 + data.size() / 50) {
      decode_hostile(coder, Bytes(data.begin(), data.begin() + static_cast<long>(size)), count);
    }
    for (int trial = 0; trial < 30; ++trial) {
      Bytes flipped = data;
      for (unsigned n = 1 + random() % 3; n > 0; --n) {
        const std::size_t first = std::min<std::size_t>(data.size(), 40);
        flipped[random() % (random() % 2 ? data.size() : first)] ^= static_cast<std::uint8_t>(1u << random() % 8);
      }
      decode_hostile(coder, flipped, count);
      decode_hostile(coder, data, count - 15 + static_cast<std::size_t>(trial));
    }
  }
  for (int trial = 0; trial < 400; ++trial) {
    Bytes noise(random() % 300);
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
    if (!noise.empty() && trial % 2) noise[0] = static_cast<std::uint8_t>(random() % 15);
    decode_hostile(coder, noise, random() % 1500);
  }
}

// Written once by these coders, on another machine: other bytes are another format.
// tests/native/test_coders.py expects the same.
void test_known_bytes() {
  Bytes symbols(5000);
  Bytes mask(5000);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    symbols[i] = static_cast<std::uint8_t>(std::bitset<32>(i * 2654435761u).count() / 2);
    mask[i] = symbols[i] & 1;
  }
  const auto checksum = [](const Bytes& bytes) { return fw::crc32(bytes.data(), bytes.size()); };
  CHECK(checksum(fw::huffman_encode(symbols.data(), 5000)) == 2125120136);
  CHECK(checksum(fw::rans_encode(symbols.data(), 5000)) == 1748400146);
  CHECK(checksum(fw::context_encode_codes(symbols.data(), 5000, 8)) == 3403205475);
  CHECK(checksum(fw::context_encode_mask(mask.data(), 5000, 7)) == 3333047789);
}

void test_bad_arguments() {
  const Bytes symbols = {3, 4};
  CHECK_THROWS(fw::packed_encode(symbols.data(), 2, 2), std::invalid_argument);
  CHECK_THROWS(fw::context_encode_codes(symbols.data(), 2, 2), std::invalid_argument);
  CHECK_THROWS(fw::context_encode_codes(symbols.data(), 2, 9), std::invalid_argument);
  CHECK_THROWS(fw::context_encode_mask(symbols.data(), 2, 0), std::invalid_argument);
  const std::vector<std::int64_t> same = {4, 4};
  CHECK_THROWS(fw::context_encode_codes(symbols.data(), 2, 3, 9, same.data()),
               std::invalid_argument);
}

void test_crc32() {
  const std::string text = "123456789";
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  CHECK(fw::crc32(data, 9) == 0xCBF43926);  // the check value of CRC-32
  CHECK(fw::crc32(data + 4, 5, fw::crc32(data, 4)) == 0xCBF43926);
  CHECK(fw::crc32(data, 0) == 0);
}

}  // namespace

int main() {
  for (const Coder& coder : coders()) {
    test_round_trips(coder);
    test_hostile_blocks(coder);
  }
  test_known_bytes();
  test_bad_arguments();
  test_crc32();
}
