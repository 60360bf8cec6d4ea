#include <algorithm>
#include <stdexcept>
#include <vector>

#include "coders/context.h"
#include "coders/mixing.h"
#include "coders/period.h"
#include "coders/range_coder.h"

namespace featherweight {
namespace {

constexpr std::size_t kTrialBits = 1 << 18;

class MaskModel {
 public:
  MaskModel(std::size_t columns, std::size_t period)
      : period_(period),
        margin_(2 * std::max<std::size_t>(period, 1)),
        in_column_(columns + 2 * margin_),
        row_(columns + 2 * margin_),
        above_(columns + 2 * margin_) {}

  // Codes the next row: `length` bits, no more than there are columns. What `bit_at(c)` gives is
  // coded, and `put(c, bit)` gets it.
  template <typename Coder, typename BitAt, typename Put>
  void code_row(Coder& coder, std::size_t length, BitAt bit_at, Put put) {
    std::swap(row_, above_);
    std::fill(row_.begin(), row_.end(), 0);
    in_row_ = {};
    for (std::size_t c = 0; c < length; ++c) put(c, code_bit(coder, bit_at(c), margin_ + c));
  }

 private:
  template <typename Coder>
  bool code_bit(Coder& coder, bool bit, std::size_t at) {
    const Logit first = logit_of(all_, 32768, 1);
    const std::uint32_t prior = probability(first);
    const auto beyond = [&](const BitCounts& counts) { return logit_of(counts, prior, 2) - first; };
    const std::size_t w = period_;
    BitCounts& near = near_[row_[at - 1] | row_[at - 2] << 1 | above_[at] << 2];
    BitCounts& far = far_[w > 0 ? far_context(at) : 0];
    bit = mixer_.code(coder, bit,
                      {first, beyond(in_column_[at]), beyond(in_row_),
                       beyond(in_column_[at - 1] + in_column_[at + 1]),
                       w > 0 ? beyond(in_column_[at - w] + in_column_[at + w]) : 0, beyond(near),
                       w > 0 ? beyond(far) : 0});
    all_.add(bit);
    in_column_[at].add(bit);
    in_row_.add(bit);
    near.add(bit);
    far.add(bit);
    row_[at] = bit;
    return bit;
  }

  std::size_t far_context(std::size_t at) const {
    const std::size_t w = period_;
    return row_[at - 1] | row_[at - 2] << 1 | row_[at - w + 1] << 2 | row_[at - w] << 3 |
           row_[at - w - 1] << 4 | row_[at - 2 * w] << 5;
  }

  std::size_t period_;
  std::size_t margin_;  // on both sides of the columns, where all is zero
  std::vector<BitCounts> in_column_;
  std::vector<std::uint8_t> row_;  // zero from the next bit on
  std::vector<std::uint8_t> above_;
  BitCounts all_;
  BitCounts in_row_;
  std::array<BitCounts, 8> near_{};
  std::array<BitCounts, 64> far_{};
  Mixer<7> mixer_{{65536, 39322, 39322, 19661, 19661, 19661, 19661}};
};

template <typename Coder, typename BitAt, typename Put>
void code_mask(Coder& coder, std::size_t count, std::size_t columns, std::size_t period,
               BitAt bit_at, Put put) {
  MaskModel model(columns, period);
  for (std::size_t start = 0; start < count; start += columns) {
    model.code_row(
        coder, std::min(columns, count - start), [&](std::size_t c) { return bit_at(start + c); },
        [&](std::size_t c, bool bit) { put(start + c, bit); });
  }
}

Bytes encode_with(const std::uint8_t* mask, std::size_t count, std::size_t columns,
                  std::size_t period) {
  RangeEncoder encoder;
  code_mask(
      encoder, count, columns, period, [&](std::size_t i) { return mask[i] != 0; },
      [](std::size_t, bool) {});
  Bytes bytes;
  put_varint(bytes, period);
  const Bytes coded = encoder.finish();
  bytes.insert(bytes.end(), coded.begin(), coded.end());
  return bytes;
}

// A row longer than the mask is as long as the mask.
std::size_t checked_columns(std::size_t columns, std::size_t count) {
  if (columns == 0) throw std::invalid_argument("columns must be positive, but got columns=0");
  return std::min(columns, count);
}

}  // namespace

Bytes context_encode_mask(const std::uint8_t* mask, std::size_t count, std::size_t columns) {
  columns = checked_columns(columns, count);
  if (count == 0) return {};
  const std::size_t trial = std::min(count, std::max(columns, kTrialBits / columns * columns));
  Bytes best = encode_with(mask, trial, columns, 0);
  std::size_t best_period = 0;
  std::vector<std::int64_t> ones;
  for (std::size_t i = 0; i < trial; ++i) {
    if (mask[i] != 0) ones.push_back(static_cast<std::int64_t>(i));
  }
  for (const std::size_t period : likely_periods(ones, {}, columns)) {
    Bytes bytes = encode_with(mask, trial, columns, period);
    if (bytes.size() >= best.size()) continue;
    best = std::move(bytes);
    best_period = period;
  }
  return trial == count ? best : encode_with(mask, count, columns, best_period);
}

void context_decode_mask(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                         std::size_t count, std::size_t columns) {
  columns = checked_columns(columns, count);
  if (count == 0) {
    if (size > 0) throw MalformedData("a context block is too long");
    return;
  }
  std::size_t offset = 0;
  const std::uint64_t period = take_varint(data, size, offset);
  if (period != 0 && period >= columns) {
    throw MalformedData("a context block has a period that is longer than a row");
  }
  RangeDecoder decoder(data + offset, size - offset);
  code_mask(
      decoder, count, columns, period, [](std::size_t) { return false; },
      [&](std::size_t i, bool bit) { out[i] = bit; });
  decoder.finish();
}

}  // namespace featherweight
