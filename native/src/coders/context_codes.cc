#include <stdexcept>
#include <string>
#include <vector>

#include "coders/context.h"
#include "coders/mixing.h"
#include "coders/range_coder.h"

namespace featherweight {
namespace {

class CodesModel {
 public:
  explicit CodesModel(int num_bits)
      : num_bits_(num_bits),
        size_(std::size_t{1} << num_bits),
        alone_(size_),
        after_one_(size_ * size_),
        after_two_(size_ * size_) {}

  // Codes `symbol` (which a decoder ignores) and returns it.
  template <typename Coder>
  std::uint8_t code(Coder& coder, std::uint8_t symbol) {
    std::size_t node = 1;  // a one, then the bits coded so far
    for (int bit = num_bits_ - 1; bit >= 0; --bit) {
      node = 2 * node + code_bit(coder, symbol >> bit & 1, node);
    }
    before_two_ = before_one_;
    before_one_ = node - size_;
    return static_cast<std::uint8_t>(before_one_);
  }

 private:
  template <typename Coder>
  bool code_bit(Coder& coder, bool bit, std::size_t node) {
    BitCounts& alone = alone_[node];
    BitCounts& after_one = after_one_[before_one_ * size_ + node];
    BitCounts& after_two = after_two_[before_two_ * size_ + node];
    const Logit first = logit_of(alone, 32768, 1);
    const std::uint32_t prior = probability(first);
    bit = mixer_.code(coder, bit,
                      {first, logit_of(after_one, prior, 2) - first,
                       logit_of(after_two, prior, 2) - first});
    alone.add(bit);
    after_one.add(bit);
    after_two.add(bit);
    return bit;
  }

  int num_bits_;
  std::size_t size_;
  std::vector<BitCounts> alone_;
  std::vector<BitCounts> after_one_;
  std::vector<BitCounts> after_two_;
  std::size_t before_one_ = 0;
  std::size_t before_two_ = 0;
  Mixer<3> mixer_{{65536, 6554, 6554}};
};

void check_num_bits(int num_bits) {
  if (num_bits < 1 || num_bits > 8) {
    throw std::invalid_argument("num_bits must be between 1 and 8 inclusive, but got num_bits=" +
                                std::to_string(num_bits));
  }
}

}  // namespace

Bytes context_encode_codes(const std::uint8_t* symbols, std::size_t count, int num_bits) {
  check_num_bits(num_bits);
  if (count == 0) return {};
  RangeEncoder encoder;
  CodesModel model(num_bits);
  for (std::size_t i = 0; i < count; ++i) {
    if (symbols[i] >> num_bits != 0) {
      throw std::invalid_argument("symbol " + std::to_string(symbols[i]) + " does not fit in " +
                                  std::to_string(num_bits) + " bits");
    }
    model.code(encoder, symbols[i]);
  }
  return encoder.finish();
}

void context_decode_codes(const std::uint8_t* data, std::size_t size, std::uint8_t* out,
                          std::size_t count, int num_bits) {
  check_num_bits(num_bits);
  RangeDecoder decoder(data, size);
  CodesModel model(num_bits);
  for (std::size_t i = 0; i < count; ++i) out[i] = model.code(decoder, 0);
  decoder.finish(count);
}

}  // namespace featherweight
