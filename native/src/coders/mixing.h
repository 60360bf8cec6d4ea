// Probabilities from counts, and their mixture in the logistic domain, in integers.
// M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", Florida Tech
// report CS-2005-16.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace featherweight {

// 256 log2(p / (1 - p)), between -kMaxLogit and kMaxLogit.
using Logit = std::int32_t;
constexpr Logit kMaxLogit = 16 * 256 - 1;

// floor(256 log2(1 + i / 1024)), and floor(65536 / (1 + 2^(-(i - kMaxLogit) / 256))), at least 1.
extern const std::array<std::uint8_t, 1024> kLogarithms;
extern const std::array<std::uint16_t, 2 * kMaxLogit + 1> kProbabilities;

// 256 log2(value) from the eleven highest bits of `value`, rounded down; 0 < value < 2^63.
inline Logit log2_fixed(std::uint64_t value) {
  const int width = 63 - __builtin_clzll(value);
  const std::uint64_t mantissa = width >= 10 ? value >> (width - 10) : value << (10 - width);
  return width * 256 + kLogarithms[mantissa & 1023];
}

// The probability of a 1, in units of 1/65536.
inline std::uint32_t probability(Logit logit) {
  return kProbabilities[static_cast<std::size_t>(logit + kMaxLogit)];
}

// How often a bit was 0 and was 1 in one context.
struct BitCounts {
  std::uint32_t zeros = 0;
  std::uint32_t ones = 0;

  void add(bool bit) {
    zeros += bit ? 0 : 1;
    ones += bit ? 1 : 0;
  }

  BitCounts operator+(const BitCounts& other) const {
    return {zeros + other.zeros, ones + other.ones};
  }
};

// The logit of (ones + strength * prior) / (zeros + ones + strength): the bits counted, and
// `strength` imagined ones of which a share of `prior` / 65536 is 1.
inline Logit logit_of(const BitCounts& counts, std::uint32_t prior, std::uint32_t strength) {
  const std::uint64_t ones = (std::uint64_t{counts.ones} << 16) + strength * prior;
  const std::uint64_t zeros = (std::uint64_t{counts.zeros} << 16) + strength * (65536 - prior);
  return std::clamp(log2_fixed(ones) - log2_fixed(zeros), -kMaxLogit, kMaxLogit);
}

// A sum of logits whose weights, in units of 1/65536, follow the gradient of the cost of each bit.
template <std::size_t N>
class Mixer {
 public:
  using Inputs = std::array<Logit, N>;
  static constexpr std::int64_t kMaxWeight = 16 << 16;

  explicit Mixer(const std::array<std::int32_t, N>& weights) : weights_(weights) {}

  // Predicts, codes and learns one bit; returns it.
  template <typename Coder>
  bool code(Coder& coder, bool bit, const Inputs& inputs) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < N; ++i) sum += std::int64_t{weights_[i]} * inputs[i];
    const auto logit = std::clamp<std::int64_t>(sum / 65536, -kMaxLogit, kMaxLogit);
    const std::uint32_t p = probability(static_cast<Logit>(logit));
    bit = coder.code(bit, p);

    // The rate, in units of 2^-16, falls from 1,200 to 60; the error has 16 fractional bits and the
    // input 8. A weight stays within +-16, whatever the data.
    const std::int64_t rate = std::max(60, 1200 * 2000 / (2000 + coded_));
    const std::int64_t error = (bit ? 65536 : 0) - static_cast<std::int64_t>(p);
    for (std::size_t i = 0; i < N; ++i) {
      const std::int64_t moved = weights_[i] + error * rate * inputs[i] / (1 << 24);
      weights_[i] = static_cast<std::int32_t>(std::clamp(moved, -kMaxWeight, kMaxWeight));
    }
    coded_ = std::min(coded_ + 1, 1 << 20);
    return bit;
  }

 private:
  std::array<std::int32_t, N> weights_;
  std::int32_t coded_ = 0;
};

}  // namespace featherweight
