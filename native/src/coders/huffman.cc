#include "coders/huffman.h"

#include <algorithm>

namespace featherweight {
namespace {

constexpr std::size_t kTableSize = std::size_t{1} << kMaxCodeLength;
constexpr std::size_t kManySymbols = 1024;  // from here on, four streams

struct Code {
  std::uint16_t bits;  // the code's highest bit is the lowest here
  std::uint8_t length;
};
using Codes = std::array<Code, 256>;

std::uint16_t reversed(std::uint32_t code, int length) {
  std::uint32_t result = 0;
  for (int i = 0; i < length; ++i) result |= ((code >> i) & 1) << (length - 1 - i);
  return static_cast<std::uint16_t>(result);
}

Codes canonical_codes(const CodeLengths& lengths) {
  Codes codes{};
  std::uint32_t next = 0;
  for (int length = 1; length <= kMaxCodeLength; ++length, next <<= 1) {
    for (std::size_t s = 0; s < 256; ++s) {
      if (lengths[s] != length) continue;
      codes[s] = {reversed(next++, length), static_cast<std::uint8_t>(length)};
    }
  }
  return codes;
}

Bytes encode_stream(const Codes& codes, const std::uint8_t* symbols, std::size_t count) {
  Bytes bytes(count / 2 * 3 + 16);  // 12 bits a symbol, and room for the last whole store
  std::uint8_t* out = bytes.data();
  std::uint64_t buffer = 0;
  int filled = 0;
  const auto put = [&](std::uint8_t symbol) {
    buffer |= std::uint64_t{codes[symbol].bits} << filled;
    filled += codes[symbol].length;
  };
  const auto flush = [&] {
    store_le(out, buffer);
    out += filled / 8;
    buffer >>= filled & ~7;
    filled &= 7;
  };
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {  // at most 7 + 4 * 12 = 55 bits between two flushes
    for (std::size_t k = 0; k < 4; ++k) put(symbols[i + k]);
    flush();
  }
  for (; i < count; ++i) put(symbols[i]);
  flush();
  if (filled > 0) *out++ = static_cast<std::uint8_t>(buffer);
  bytes.resize(static_cast<std::size_t>(out - bytes.data()));
  return bytes;
}

// What the next 12 bits hold: up to three symbols in the low 24 bits, then 4 bits for the length of
// their codes together and 2 for the number of symbols. The first symbol's own length stands apart,
// for the last symbols of a stream.
struct DecodeTable {
  std::array<std::uint32_t, kTableSize> entries;
  std::array<std::uint8_t, kTableSize> first_length;
};

DecodeTable make_decode_table(const Codes& codes) {
  DecodeTable table;
  std::array<std::uint8_t, kTableSize> first_symbol;
  for (std::size_t s = 0; s < 256; ++s) {
    if (codes[s].length == 0) continue;
    for (std::size_t at = codes[s].bits; at < kTableSize; at += std::size_t{1} << codes[s].length) {
      first_symbol[at] = static_cast<std::uint8_t>(s);
      table.first_length[at] = codes[s].length;
    }
  }
  for (std::size_t at = 0; at < kTableSize; ++at) {
    std::uint32_t entry = 0;
    int length = 0;
    std::uint32_t number = 0;
    while (number < 3 && length + table.first_length[at >> length] <= kMaxCodeLength) {
      const std::size_t next = at >> length;
      entry |= std::uint32_t{first_symbol[next]} << (8 * number++);
      length += table.first_length[next];
    }
    table.entries[at] = entry | static_cast<std::uint32_t>(length) << 24 | number << 28;
  }
  return table;
}

// One stream on its way; `position` counts bits from the start of the data.
struct Stream {
  const std::uint8_t* data;
  std::size_t size;
  std::uint64_t position;
  std::uint8_t* out;
  std::uint8_t* out_end;

  // Four look-ups give at most 12 symbols, read at most 8 bytes and write at most 13.
  bool has_room() const { return position / 8 + 8 <= size && out_end - out >= 13; }
};

// Four look-ups in each of the N streams, side by side: a look-up waits for the one before it.
template <int N>
inline void decode_round(const std::uint32_t* entries, Stream* streams) {
  std::uint64_t word[N];
  for (int s = 0; s < N; ++s) {
    word[s] = load_le64(streams[s].data + streams[s].position / 8) >> (streams[s].position % 8);
  }
  for (int k = 0; k < 4; ++k) {
    for (int s = 0; s < N; ++s) {
      const std::uint32_t entry = entries[word[s] % kTableSize];
      store_le(streams[s].out, entry);
      streams[s].out += entry >> 28;
      word[s] >>= (entry >> 24) & 15;
      streams[s].position += (entry >> 24) & 15;
    }
  }
}

void finish_stream(const DecodeTable& table, Stream stream) {
  while (stream.has_room()) decode_round<1>(table.entries.data(), &stream);
  BitReader reader(stream.data, stream.size, stream.position);
  while (stream.out < stream.out_end) {
    const std::uint32_t at = reader.peek(kMaxCodeLength);
    *stream.out++ = static_cast<std::uint8_t>(table.entries[at]);
    reader.take(table.first_length[at]);
  }
  if (reader.finish() != stream.size) throw MalformedData("a Huffman stream is too long");
}

void decode_four(const DecodeTable& table, const std::uint8_t* data, std::size_t size,
                 std::uint8_t* out, std::size_t count) {
  std::size_t offset = 0;
  std::uint64_t lengths[4];
  for (int s = 0; s < 3; ++s) lengths[s] = take_varint(data, size, offset);
  Stream streams[4];
  const std::size_t quarter = (count + 3) / 4;
  for (std::size_t s = 0; s < 4; ++s) {
    if (s == 3) lengths[s] = size - offset;
    if (lengths[s] > size - offset) throw MalformedData("a Huffman block ends too early");
    streams[s] = {data + offset, lengths[s], 0, out + s * quarter,
                  out + std::min((s + 1) * quarter, count)};
    offset += lengths[s];
  }
  while (streams[0].has_room() && streams[1].has_room() && streams[2].has_room() &&
         streams[3].has_room()) {
    decode_round<4>(table.entries.data(), streams);
  }
  for (const Stream& stream : streams) finish_stream(table, stream);
}

Codes read_codes(BitReader& reader) {
  const Frequencies table = read_frequencies(reader, kMaxCodeLength, true);
  CodeLengths lengths{};
  for (std::size_t s = 0; s < 256; ++s) {
    if (table[s] == 0) continue;
    lengths[s] = static_cast<std::uint8_t>(kMaxCodeLength + 1 - bit_width(table[s]));
  }
  return canonical_codes(lengths);
}

}  // namespace

Bytes huffman_encode(const std::uint8_t* symbols, std::size_t count) {
  if (count == 0) return {};
  const Counts counts = count_symbols(symbols, count);
  if (counts[symbols[0]] == count) return {0, symbols[0]};

  const CodeLengths lengths = limited_code_lengths(counts);
  Frequencies table{};
  for (std::size_t s = 0; s < 256; ++s) {
    if (lengths[s] > 0) table[s] = static_cast<std::uint16_t>(1u << (kMaxCodeLength - lengths[s]));
  }
  const std::size_t num_streams = count < kManySymbols ? 1 : 4;
  Bytes bytes = {static_cast<std::uint8_t>(num_streams)};
  BitWriter writer(bytes);
  write_frequencies(writer, table, kMaxCodeLength, true);
  writer.finish();

  const Codes codes = canonical_codes(lengths);
  const std::size_t part = (count + num_streams - 1) / num_streams;
  std::array<Bytes, 4> streams;
  for (std::size_t s = 0; s < num_streams; ++s) {
    streams[s] = encode_stream(codes, symbols + s * part, std::min(part, count - s * part));
    if (s + 1 < num_streams) put_varint(bytes, streams[s].size());
  }
  for (const Bytes& stream : streams) bytes.insert(bytes.end(), stream.begin(), stream.end());
  return bytes;
}

void huffman_decode(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                    std::size_t count) {
  if (count == 0 && size == 0) return;
  if (count == 0 || size < 2) throw MalformedData("a Huffman block has a wrong length");
  if (data[0] == 0) {
    if (size != 2) throw MalformedData("a Huffman block has a wrong length");
    std::fill(out, out + count, data[1]);
    return;
  }
  if (data[0] != (count < kManySymbols ? 1 : 4)) {
    throw MalformedData("a Huffman block has a wrong number of streams");
  }
  BitReader reader(data + 1, size - 1);
  const DecodeTable table = make_decode_table(read_codes(reader));
  const std::size_t offset = 1 + reader.finish();
  if (data[0] == 1) {
    finish_stream(table, {data + offset, size - offset, 0, out, out + count});
  } else {
    decode_four(table, data + offset, size - offset, out, count);
  }
}

}  // namespace featherweight
