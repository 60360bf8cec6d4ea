#include "coders/rans.h"

#include <algorithm>

namespace featherweight {
namespace {

constexpr int kMinBits = 4;
constexpr int kBits = 12;      // what smaller tables are scaled to
constexpr int kRareBits = 14;  // for symbols rarer than 2^-12
constexpr std::uint32_t kLowest = 1u << 16;  // of a state between two symbols
constexpr std::size_t kManySymbols = 4096;   // from here on, eight states
constexpr std::size_t kNoSearch = 65536;     // from here on, b is not searched for

std::size_t number_of_states(std::size_t count) { return count < kManySymbols ? 1 : 8; }

// The table in steps of 1 / M; returns log2(M).
int scale(Frequencies& frequencies, int total_bits) {
  if (total_bits == kRareBits) return kRareBits;
  for (std::uint16_t& frequency : frequencies) frequency <<= kBits - total_bits;
  return kBits;
}

struct EncodeSymbol {
  std::uint64_t reciprocal;  // ceil(2^32 M / frequency)
  std::uint32_t frequency;
  std::uint32_t start;
};

struct EncodeTable {
  int scale_bits;
  std::array<EncodeSymbol, 256> symbols;
};

EncodeTable make_encode_table(const Frequencies& scaled, int scale_bits) {
  EncodeTable table{scale_bits, {}};
  const std::uint64_t one = std::uint64_t{1} << (32 + scale_bits);
  std::uint32_t start = 0;
  for (std::size_t s = 0; s < 256; ++s) {
    const std::uint32_t frequency = scaled[s];
    if (frequency == 0) continue;
    table.symbols[s] = {(one + frequency - 1) / frequency, frequency, start};
    start += frequency;
  }
  return table;
}

// Writes one word below `words` if the state would leave its 32 bits, then the symbol.
inline std::uint32_t encode_symbol(const EncodeTable& table, std::uint8_t s, std::uint32_t state,
                                   std::uint8_t*& words) {
  const EncodeSymbol& symbol = table.symbols[s];
  const bool full = state >= std::uint64_t{symbol.frequency} << (32 - table.scale_bits);
  store_le(words - 2, static_cast<std::uint16_t>(state));
  words -= full ? 2 : 0;
  state >>= full ? 16 : 0;
  // Exact and without overflow: now state < frequency * 2^32 / M, frequency < M, and the
  // reciprocal exceeds 2^32 M / frequency by less than 1.
  const auto quotient =
      static_cast<std::uint32_t>((state * symbol.reciprocal) >> (32 + table.scale_bits));
  return (quotient << table.scale_bits) + state - quotient * symbol.frequency + symbol.start;
}

// Table, states and words for one choice of `total_bits`; the decoder reads forward, so the
// symbols are coded from the last to the first.
Bytes encode_with(const Counts& counts, int total_bits, const std::uint8_t* symbols,
                  std::size_t count) {
  const Frequencies frequencies = quantise_counts(counts, total_bits);
  Frequencies scaled = frequencies;
  const int scale_bits = scale(scaled, total_bits);
  const EncodeTable table = make_encode_table(scaled, scale_bits);
  const std::size_t num_states = number_of_states(count);
  std::array<std::uint32_t, 8> states;
  states.fill(kLowest);
  Bytes buffer(2 * count + 2);  // at most one word a symbol, and a store that may not count
  std::uint8_t* const end = buffer.data() + buffer.size();
  std::uint8_t* words = end;
  std::size_t i = count;
  for (; i % num_states != 0; --i) {
    std::uint32_t& state = states[(i - 1) % num_states];
    state = encode_symbol(table, symbols[i - 1], state, words);
  }
  for (; i > 0; i -= num_states) {
    for (std::size_t k = num_states; k > 0; --k) {
      states[k - 1] = encode_symbol(table, symbols[i - num_states + k - 1], states[k - 1], words);
    }
  }
  Bytes bytes = {static_cast<std::uint8_t>(total_bits)};
  BitWriter writer(bytes);
  write_frequencies(writer, frequencies, total_bits, false);
  writer.finish();
  for (std::size_t k = 0; k < num_states; ++k) writer.put(states[k], 32);
  bytes.insert(bytes.end(), words, end);
  return bytes;
}

struct DecodeTable {
  // A symbol's frequency in the high half, its start in the low half.
  std::array<std::uint32_t, 256> ranges;
  std::array<std::uint8_t, std::size_t{1} << kRareBits> symbols;  // of x mod M
};

void fill_decode_table(const Frequencies& scaled, DecodeTable& table) {
  std::uint32_t start = 0;
  for (std::size_t s = 0; s < 256; ++s) {
    const std::uint32_t frequency = scaled[s];
    table.ranges[s] = frequency << 16 | start;
    std::fill_n(table.symbols.begin() + start, frequency, static_cast<std::uint8_t>(s));
    start += frequency;
  }
}

struct Words {
  const std::uint8_t* next;
  const std::uint8_t* end;
};

// One symbol; reads two bytes at `next` whether it takes them or not.
template <int scale_bits>
inline std::uint8_t decode_symbol(const DecodeTable& table, std::uint32_t& state,
                                  const std::uint8_t*& next) {
  const std::uint32_t slot = state % (1u << scale_bits);
  const std::uint8_t symbol = table.symbols[slot];
  const std::uint32_t range = table.ranges[symbol];
  state = (range >> 16) * (state >> scale_bits) + slot - (range & 0xFFFF);
  // A mask, since a branch here is taken at random.
  const std::uint32_t low = state < kLowest ? ~std::uint32_t{0} : 0;
  state = state << (16 & low) | (load_le16(next) & low);
  next += 2 & low;
  return symbol;
}

// Decodes while eight whole words are left, which is as many as eight symbols can take.
template <int scale_bits>
std::size_t decode_eights(const DecodeTable& table, std::uint32_t* states, Words& words,
                          std::uint8_t* out, std::size_t count) {
  std::uint32_t local[8];
  std::copy(states, states + 8, local);
  const std::uint8_t* next = words.next;
  std::size_t i = 0;
  for (; i + 8 <= count && words.end - next >= 16; i += 8) {
    for (std::size_t k = 0; k < 8; ++k) {
      out[i + k] = decode_symbol<scale_bits>(table, local[k], next);
    }
  }
  std::copy(local, local + 8, states);
  words.next = next;
  return i;
}

template <int scale_bits>
std::uint8_t decode_carefully(const DecodeTable& table, std::uint32_t& state, Words& words) {
  const std::uint8_t zeros[2] = {0, 0};
  const bool empty = words.end - words.next < 2;
  const std::uint8_t* next = empty ? zeros : words.next;
  const std::uint8_t* const before = next;
  const std::uint8_t symbol = decode_symbol<scale_bits>(table, state, next);
  if (empty && next != before) throw MalformedData("a rANS block ends too early");
  words.next += next - before;
  return symbol;
}

template <int scale_bits>
void decode_words(const DecodeTable& table, const std::uint8_t* data, std::size_t size,
                  std::uint8_t* out, std::size_t count) {
  const std::size_t num_states = number_of_states(count);
  if (size < 4 * num_states) throw MalformedData("a rANS block ends too early");
  std::uint32_t states[8];
  for (std::size_t k = 0; k < num_states; ++k) {
    states[k] = load_le32(data + 4 * k);
    if (states[k] < kLowest) throw MalformedData("a rANS block has a state below 2^16");
  }
  Words words = {data + 4 * num_states, data + size};
  std::size_t i = num_states == 8 ? decode_eights<scale_bits>(table, states, words, out, count) : 0;
  for (; i < count; ++i) {
    out[i] = decode_carefully<scale_bits>(table, states[i % num_states], words);
  }
  for (std::size_t k = 0; k < num_states; ++k) {
    if (states[k] != kLowest) throw MalformedData("a rANS block ends in a wrong state");
  }
  if (words.next != words.end) throw MalformedData("a rANS block is too long");
}

}  // namespace

Frequencies quantise_counts(const Counts& counts, int total_bits) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  std::array<std::uint64_t, 256> f{};
  std::uint64_t sum = 0;
  for (std::size_t s = 0; s < 256; ++s) {
    if (counts[s] == 0) continue;
    f[s] = std::max<std::uint64_t>((counts[s] << total_bits) / total, 1);
    sum += f[s];
  }
  // A step from f to f + 1 saves count * log2(1 + 1 / f), nearly count / (f + 1/2), bits.
  for (; sum < std::uint64_t{1} << total_bits; ++sum) {
    std::size_t best = 0;
    for (std::size_t s = 1; s < 256; ++s) {
      if (counts[s] * (2 * f[best] + 1) > counts[best] * (2 * f[s] + 1)) best = s;
    }
    ++f[best];
  }
  for (; sum > std::uint64_t{1} << total_bits; --sum) {
    std::size_t best = 256;
    for (std::size_t s = 0; s < 256; ++s) {
      if (f[s] < 2) continue;
      if (best == 256 || counts[s] * (2 * f[best] - 1) < counts[best] * (2 * f[s] - 1)) best = s;
    }
    --f[best];
  }
  Frequencies frequencies{};
  for (std::size_t s = 0; s < 256; ++s) frequencies[s] = static_cast<std::uint16_t>(f[s]);
  return frequencies;
}

Bytes rans_encode(const std::uint8_t* symbols, std::size_t count) {
  if (count == 0) return {};
  const Counts counts = count_symbols(symbols, count);
  if (counts[symbols[0]] == count) return {0, symbols[0]};

  if (count >= kNoSearch) {
    const bool has_rare = std::any_of(counts.begin(), counts.end(), [&](std::uint64_t n) {
      return n > 0 && n << kBits < count;
    });
    return encode_with(counts, has_rare ? kRareBits : kBits, symbols, count);
  }
  const auto present = static_cast<std::size_t>(
      std::count_if(counts.begin(), counts.end(), [](std::uint64_t n) { return n > 0; }));
  Bytes best;
  for (int total_bits = kMinBits; total_bits <= kBits; ++total_bits) {
    if (present > std::size_t{1} << total_bits) continue;
    Bytes bytes = encode_with(counts, total_bits, symbols, count);
    if (best.empty() || bytes.size() < best.size()) best = std::move(bytes);
  }
  return best;
}

void rans_decode(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                 std::size_t count) {
  if (count == 0 && size == 0) return;
  if (count == 0 || size < 2) throw MalformedData("a rANS block has a wrong length");
  const int total_bits = data[0];
  if (total_bits == 0) {
    if (size != 2) throw MalformedData("a rANS block has a wrong length");
    std::fill(out, out + count, data[1]);
    return;
  }
  if (total_bits < kMinBits || (total_bits > kBits && total_bits != kRareBits)) {
    throw MalformedData("a rANS block has a table of other than 4 to 12 or 14 bits");
  }
  BitReader reader(data + 1, size - 1);
  Frequencies frequencies = read_frequencies(reader, total_bits, false);
  const std::size_t offset = 1 + reader.finish();
  const int scale_bits = scale(frequencies, total_bits);
  DecodeTable table;
  fill_decode_table(frequencies, table);
  const auto decode = scale_bits == kBits ? decode_words<kBits> : decode_words<kRareBits>;
  decode(table, data + offset, size - offset, out, count);
}

}  // namespace featherweight
