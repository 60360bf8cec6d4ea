#include "coders/frequency_table.h"

#include <algorithm>

namespace featherweight {
namespace {

void write_run(BitWriter& writer, std::uint32_t run) {
  const int low_bits = bit_width(run) - 1;
  writer.put((1u << low_bits) - 1, low_bits + 1);
  writer.put(run & ((1u << low_bits) - 1), low_bits);
}

std::uint32_t read_run(BitReader& reader) {
  int low_bits = 0;
  while (reader.take(1) != 0) {
    if (++low_bits > 7) throw MalformedData("a coded block's table has a run of over 255 symbols");
  }
  return (1u << low_bits) | reader.take(low_bits);
}

int first_level(int total_bits) { return std::max(total_bits - 4, 1); }

void write_level(BitWriter& writer, int level, int before) {
  if (level == before) {
    writer.put(0b0, 1);
  } else if (level == before - 1) {
    writer.put(0b001, 3);
  } else if (level == before + 1) {
    writer.put(0b101, 3);
  } else {
    writer.put(0b111, 3);
    writer.put(static_cast<std::uint32_t>(level), 4);
  }
}

}  // namespace

Counts count_symbols(const std::uint8_t* symbols, std::size_t count) {
  // Four tables, so that equal neighbours do not wait for each other's increment.
  std::array<Counts, 4> tables{};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) ++tables[k][symbols[i + k]];
  }
  for (; i < count; ++i) ++tables[0][symbols[i]];
  for (std::size_t s = 0; s < 256; ++s) {
    tables[0][s] += tables[1][s] + tables[2][s] + tables[3][s];
  }
  return tables[0];
}

void write_frequencies(BitWriter& writer, const Frequencies& frequencies, int total_bits,
                       bool powers_of_two) {
  int before = first_level(total_bits);
  std::uint32_t left = 1u << total_bits;
  std::uint32_t absent = 0;
  for (std::size_t symbol = 0; left > 0; ++symbol) {
    const std::uint32_t frequency = frequencies[symbol];
    if (frequency == 0) {
      ++absent;
      continue;
    }
    if (absent > 0) {
      writer.put(0b011, 3);
      write_run(writer, absent);
      absent = 0;
    }
    const int level = bit_width(frequency);
    write_level(writer, level, before);
    if (!powers_of_two) writer.put(frequency & ((1u << (level - 1)) - 1), level - 1);
    before = level;
    left -= frequency;
  }
}

Frequencies read_frequencies(BitReader& reader, int total_bits, bool powers_of_two) {
  Frequencies frequencies{};
  int level = first_level(total_bits);
  std::uint32_t left = 1u << total_bits;
  for (std::size_t symbol = 0; left > 0; ++symbol) {
    if (reader.take(1) != 0) {
      if (reader.take(1) == 0) {
        level += reader.take(1) != 0 ? 1 : -1;
      } else if (reader.take(1) == 0) {
        symbol += read_run(reader) - 1;
        continue;
      } else {
        level = static_cast<int>(reader.take(4));
      }
    }
    if (symbol > 255 || level < 1 || level > total_bits) {
      throw MalformedData("a coded block's table has a symbol or a level out of range");
    }
    const std::uint32_t frequency =
        (1u << (level - 1)) | (powers_of_two ? 0 : reader.take(level - 1));
    if (frequency > left) throw MalformedData("a coded block's table sums to more than one");
    frequencies[symbol] = static_cast<std::uint16_t>(frequency);
    left -= frequency;
  }
  return frequencies;
}

}  // namespace featherweight
