#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "coders/codes_model.h"
#include "coders/context.h"
#include "coders/period.h"
#include "coders/range_coder.h"

namespace featherweight {
namespace {

constexpr std::size_t kTrialSymbols = 1 << 16;

// Where the elements lie; without positions, element i at i.
struct Places {
  std::size_t count;
  std::size_t columns;
  const std::int64_t* positions;

  std::size_t position(std::size_t i) const {
    return positions == nullptr ? i : static_cast<std::size_t>(positions[i]);
  }
  std::size_t row(std::size_t i) const { return position(i) / columns; }
  std::size_t column(std::size_t i) const { return position(i) % columns; }
  std::size_t rows() const { return count == 0 ? 0 : row(count - 1) + 1; }
};

void check_num_bits(int num_bits) {
  if (num_bits < 1 || num_bits > 8) {
    throw std::invalid_argument("num_bits must be between 1 and 8 inclusive, but got num_bits=" +
                                std::to_string(num_bits));
  }
}

Places checked_places(std::size_t count, std::size_t columns, const std::int64_t* positions) {
  if (positions == nullptr) {
    // All in one row, or a row that is longer than the matrix, is as long as the matrix.
    return {count, std::max<std::size_t>(1, columns == 0 ? count : std::min(columns, count)),
            nullptr};
  }
  if (columns == 0) throw std::invalid_argument("columns must be positive, but got columns=0");
  for (std::size_t i = 0; i < count; ++i) {
    if (positions[i] < 0 || (i > 0 && positions[i] <= positions[i - 1])) {
      throw std::invalid_argument("positions must ascend from 0 on, but the one of element " +
                                  std::to_string(i) + " does not");
    }
  }
  return {count, columns, positions};
}

// Codes all symbols: symbols[i] goes in, put(i, symbol) gets what came out.
template <typename Coder, typename SymbolAt, typename Put>
void code_all(Coder& coder, const Places& places, int num_bits, std::size_t period,
              SymbolAt symbol_at, Put put) {
  std::vector<std::uint32_t> kept_in_column(places.columns);
  for (std::size_t i = 0; i < places.count; ++i) ++kept_in_column[places.column(i)];
  CodesModel model(num_bits, places.rows(), kept_in_column, period);
  std::vector<std::size_t> columns;
  for (std::size_t begin = 0; begin < places.count; begin += columns.size()) {
    columns.clear();
    for (std::size_t i = begin; i < places.count && places.row(i) == places.row(begin); ++i) {
      columns.push_back(places.column(i));
    }
    model.begin_row(columns);
    for (std::size_t k = 0; k < columns.size(); ++k) {
      put(begin + k, model.code(coder, symbol_at(begin + k), columns[k]));
    }
  }
}

Bytes encode_with(const std::uint8_t* symbols, const Places& places, int num_bits,
                  std::size_t period) {
  RangeEncoder encoder;
  code_all(
      encoder, places, num_bits, period, [&](std::size_t i) { return symbols[i]; },
      [](std::size_t, std::uint8_t) {});
  Bytes bytes;
  put_varint(bytes, period);
  const Bytes coded = encoder.finish();
  bytes.insert(bytes.end(), coded.begin(), coded.end());
  return bytes;
}

std::vector<std::size_t> candidates(const std::uint8_t* symbols, const Places& places,
                                    int num_bits) {
  std::vector<std::int64_t> positions(places.count);
  std::vector<std::int32_t> values(places.count);
  for (std::size_t i = 0; i < places.count; ++i) {
    positions[i] = static_cast<std::int64_t>(places.position(i));
    values[i] = 2 * symbols[i] + 1 - (1 << num_bits);
  }
  return likely_periods(positions, values, places.columns);
}

}  // namespace

Bytes context_encode_codes(const std::uint8_t* symbols, std::size_t count, int num_bits,
                           std::size_t columns, const std::int64_t* positions) {
  check_num_bits(num_bits);
  const Places places = checked_places(count, columns, positions);
  if (count == 0) return {};
  for (std::size_t i = 0; i < count; ++i) {
    if (symbols[i] >> num_bits == 0) continue;
    throw std::invalid_argument("symbol " + std::to_string(symbols[i]) + " does not fit in " +
                                std::to_string(num_bits) + " bits");
  }
  Places trial = places;
  trial.count = std::min(count, kTrialSymbols);
  Bytes best = encode_with(symbols, trial, num_bits, 0);
  std::size_t best_period = 0;
  for (const std::size_t period : candidates(symbols, trial, num_bits)) {
    Bytes bytes = encode_with(symbols, trial, num_bits, period);
    if (bytes.size() >= best.size()) continue;
    best = std::move(bytes);
    best_period = period;
  }
  return trial.count == count ? best : encode_with(symbols, places, num_bits, best_period);
}

void context_decode_codes(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                          std::size_t count, int num_bits, std::size_t columns,
                          const std::int64_t* positions) {
  check_num_bits(num_bits);
  const Places places = checked_places(count, columns, positions);
  if (count == 0) {
    if (size > 0) throw MalformedData("a context block is too long");
    return;
  }
  std::size_t offset = 0;
  const std::uint64_t period = take_varint(data, size, offset);
  if (period != 0 && period >= places.columns) {
    throw MalformedData("a context block has a period that is longer than a row");
  }
  RangeDecoder decoder(data + offset, size - offset);
  code_all(
      decoder, places, num_bits, period, [](std::size_t) { return std::uint8_t{0}; },
      [&](std::size_t i, std::uint8_t symbol) { out[i] = symbol; });
  decoder.finish();
}

}  // namespace featherweight
