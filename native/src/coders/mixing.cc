#include "coders/mixing.h"

namespace featherweight {
namespace {

constexpr std::size_t kSteps = 256;  // of a logit, from one power of two to the next

// 2^(i / 256) in units of 2^-31, by multiplication with 2^(1 / 256).
constexpr std::array<std::uint64_t, kSteps + 1> make_powers() {
  constexpr std::uint64_t kRoot = 2153306067;  // round(2^31 * 2^(1 / 256))
  std::array<std::uint64_t, kSteps + 1> powers{};
  powers[0] = std::uint64_t{1} << 31;
  for (std::size_t i = 1; i <= kSteps; ++i) powers[i] = (powers[i - 1] * kRoot) >> 31;
  powers[kSteps] = std::uint64_t{1} << 32;
  return powers;
}
constexpr auto kPowers = make_powers();

constexpr std::array<std::uint8_t, 1024> make_logarithms() {
  std::array<std::uint8_t, 1024> logarithms{};
  std::size_t power = 0;
  for (std::size_t i = 0; i < logarithms.size(); ++i) {
    while (kPowers[power + 1] <= (1024 + i) << 21) ++power;
    logarithms[i] = static_cast<std::uint8_t>(power);
  }
  return logarithms;
}

constexpr std::array<std::uint16_t, 2 * kMaxLogit + 1> make_probabilities() {
  std::array<std::uint16_t, 2 * kMaxLogit + 1> probabilities{};
  for (Logit logit = 0; logit <= kMaxLogit; ++logit) {
    const auto steps = static_cast<std::size_t>(logit);
    // odds = 2^(logit / 256) in units of 2^-16
    const std::uint64_t odds = (kPowers[steps % kSteps] << (steps / kSteps)) >> 15;
    const std::uint64_t p = (odds << 16) / (odds + 65536);
    const auto middle = static_cast<std::size_t>(kMaxLogit);
    probabilities[middle + steps] = static_cast<std::uint16_t>(p);
    probabilities[middle - steps] = static_cast<std::uint16_t>(65536 - p);
  }
  return probabilities;
}

}  // namespace

const std::array<std::uint8_t, 1024> kLogarithms = make_logarithms();
const std::array<std::uint16_t, 2 * kMaxLogit + 1> kProbabilities = make_probabilities();

}  // namespace featherweight
