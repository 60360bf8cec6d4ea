// The model of context-coded codes; context.h describes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coders/mixing.h"

namespace featherweight {

// Elements lie at ascending positions of a matrix with rows of `columns`.
class CodesModel {
 public:
  // `kept_in_column`: how many of all elements lie in each column.
  CodesModel(int num_bits, std::size_t rows, const std::vector<std::uint32_t>& kept_in_column,
             std::size_t period);

  // Says in which columns the next row's elements lie, before they are coded from left to right.
  void begin_row(const std::vector<std::size_t>& columns);

  // Codes `symbol` (which a decoder ignores) at a column of the row and returns it.
  template <typename Coder>
  std::uint8_t code(Coder& coder, std::uint8_t symbol, std::size_t column) {
    look_around(column + margin_);
    std::size_t node = 1;  // a one, then the bits coded so far
    for (int bit = num_bits_ - 1; bit >= 0; --bit) {
      node = 2 * node + code_bit(coder, symbol >> bit & 1, node);
    }
    node -= size_;
    levels_[column + margin_] = static_cast<std::uint8_t>(1 + (node >> level_shift_));
    return static_cast<std::uint8_t>(node);
  }

 private:
  struct Neighbour {
    std::ptrdiff_t offset;
    std::size_t weight;
  };

  // Finds the contexts of the element at column `at` - margin_.
  void look_around(std::size_t at);

  template <typename Coder>
  bool code_bit(Coder& coder, bool bit, std::size_t node) {
    BitCounts& alone = alone_[node];
    BitCounts& pair = pair_[pair_context_ * size_ + node];
    BitCounts& average = average_[average_context_ * size_ + node];
    BitCounts& place = place_[place_context_ * size_ + node];
    const Logit first = logit_of(alone, 32768, 1);
    const std::uint32_t prior = probability(first);
    bit = mixer_.code(coder, bit,
                      {first, logit_of(pair, prior, 2) - first, logit_of(average, prior, 2) - first,
                       logit_of(place, prior, 2) - first});
    for (BitCounts* counts : {&alone, &pair, &average, &place}) counts->add(bit);
    return bit;
  }

  int num_bits_;
  std::size_t size_;  // number of codes
  int level_shift_;
  std::size_t period_;
  std::size_t margin_;                // on both sides of a row, where nothing is
  std::vector<std::uint8_t> levels_;  // 0: not coded yet or nothing there
  std::vector<std::uint8_t> kept_;
  std::vector<std::uint8_t> column_class_;
  std::vector<std::size_t> row_;      // where kept_ is set
  std::vector<Neighbour> seen_;       // whose codes are known
  std::vector<std::ptrdiff_t> around_;
  std::size_t pair_context_ = 0;
  std::size_t average_context_ = 0;
  std::size_t place_context_ = 0;
  std::vector<BitCounts> alone_;
  std::vector<BitCounts> pair_;
  std::vector<BitCounts> average_;
  std::vector<BitCounts> place_;
  Mixer<4> mixer_{{65536, 6554, 6554, 6554}};
};

}  // namespace featherweight
