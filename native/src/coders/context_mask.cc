#include <stdexcept>
#include <vector>

#include "coders/context.h"
#include "coders/mask_period.h"
#include "coders/mixing.h"
#include "coders/range_coder.h"

namespace featherweight {
namespace {

class MaskModel {
 public:
  MaskModel(std::size_t columns, std::size_t period)
      : columns_(columns),
        period_(period),
        margin_(2 * std::max<std::size_t>(period, 1)),
        column_(columns + 2 * margin_),
        bits_(columns + 2 * margin_) {}

  // Codes a row of `length` bits, at most `columns`, in place.
  template <typename Coder>
  void code_row(Coder& coder, std::uint8_t* row, std::size_t length) {
    // bits_ holds this row to the left of a bit and the row above from the bit on; so that the
    // model sees this row alone, what it reads to the right of w is masked out where it is above.
    BitCounts in_row;
    std::vector<std::uint8_t> above;
    above.swap(bits_);
    bits_.assign(above.size(), 0);
    for (std::size_t c = 0; c < length; ++c) {
      row[c] = code_bit(coder, row[c] != 0, c + margin_, above[c + margin_], in_row);
    }
  }

 private:
  template <typename Coder>
  bool code_bit(Coder& coder, bool bit, std::size_t at, std::size_t above, BitCounts& in_row) {
    const Logit first = logit_of(all_, 32768, 1);
    const std::uint32_t prior = probability(first);
    const auto beyond = [&](const BitCounts& counts) { return logit_of(counts, prior, 2) - first; };
    BitCounts& near = near_[bits_[at - 1] | bits_[at - 2] << 1 | above << 2];
    BitCounts& far = far_[far_context(at)];
    const std::size_t w = period_;
    bit = mixer_.code(coder, bit,
                      {first, beyond(column_[at]), beyond(in_row),
                       beyond(column_[at - 1] + column_[at + 1]),
                       w > 0 ? beyond(column_[at - w] + column_[at + w]) : 0, beyond(near),
                       w > 0 ? beyond(far) : 0});
    all_.add(bit);
    column_[at].add(bit);
    in_row.add(bit);
    near.add(bit);
    far.add(bit);
    bits_[at] = bit;
    return bit;
  }

  std::size_t far_context(std::size_t at) const {
    const std::uint8_t* const bit = &bits_[at];
    const auto w = static_cast<std::ptrdiff_t>(period_);
    if (w == 0) return 0;
    return bit[-1] | bit[-2] << 1 | bit[1 - w] << 2 | bit[-w] << 3 | bit[-w - 1] << 4 |
           bit[-2 * w] << 5;
  }

  std::size_t columns_;
  std::size_t period_;
  std::size_t margin_;  // zeros on both sides of a row
  std::vector<BitCounts> column_;
  std::vector<std::uint8_t> bits_;
  BitCounts all_;
  std::array<BitCounts, 8> near_{};
  std::array<BitCounts, 64> far_{};
  Mixer<7> mixer_{{65536, 39322, 39322, 19661, 19661, 19661, 19661}};
};
}
}
