#include "kernels/int8/steps.h"

#include <algorithm>
#include <cstdlib>

namespace featherweight::kernels {
namespace {

constexpr int kMostRows = 4;
constexpr int kMostCentred = 256;  // times -128 is the least of 16 bits

// What the weights of each 16-bit lane, half a row's four channels, add up to.
struct Reach {
  std::int16_t at[4 * kMostRows];  // [row][half][positive, negative]; centred: of both, and 0

  int most() const { return *std::max_element(std::begin(at), std::end(at)); }
};

Reach reach_of(const std::int8_t* step, int rows, bool is_centred) {
  Reach reach{};
  for (int i = 0; i < rows * 4; ++i) {
    const int lane = i / 2 * 2 + (!is_centred && step[i] < 0);
    reach.at[lane] = static_cast<std::int16_t>(reach.at[lane] + std::abs(step[i]));
  }
  return reach;
}

bool fit_together(const Reach& a, const Reach& b, int limit) {
  int most = 0;
  for (int i = 0; i < 4 * kMostRows; ++i) most = std::max(most, a.at[i] + b.at[i]);
  return most <= limit;
}

// Steps of one kind: pairs side by side, and those that found no other.
struct Paired {
  std::vector<int> pairs, singles, rest;  // rest: do not fit alone
};

// Each of `steps` is joined to the one of the next few that reaches furthest of those that fit.
Paired pair_up(const std::int8_t* panel, const std::vector<int>& steps, int rows, bool is_centred, int limit, int window) {
  std::vector<Reach> reach;
  std::vector<int> most;
  for (const int d : steps) {
    reach.push_back(reach_of(panel + d * rows * 4, rows, is_centred));
    most.push_back(reach.back().most());
  }
  Paired found;
  const int count = static_cast<int>(steps.size());
  std::vector<bool> is_taken(steps.size());
  for (int i = 0; i < count; ++i) {
    if (is_taken[i]) continue;
    int mate = -1;
    for (int other = i + 1; other < count && steps[other] <= steps[i] + window && most[i] <= limit; ++other) {
      const bool is_better = !is_taken[other] && most[other] <= limit && (mate < 0 || most[other] > most[mate]);
      if (is_better && fit_together(reach[i], reach[other], limit)) mate = other;
    }
    if (mate >= 0) {
      is_taken[mate] = true;
      found.pairs.insert(found.pairs.end(), {steps[i], steps[mate]});
    } else {
      (most[i] <= limit ? found.singles : found.rest).push_back(steps[i]);
    }
  }
  return found;
}

}  // namespace

Steps order_steps(const std::int8_t* panel, int depth, int rows, int top, std::uint16_t* order,
                  std::vector<std::int8_t>* packed) {
  const int window = top < 128 ? 1 : 32;  // of steps, within which X is near; neighbours where nearly all fit
  std::vector<int> all(static_cast<std::size_t>(depth));
  for (int d = 0; d < depth; ++d) all[d] = d;
  const Paired plain = pair_up(panel, all, rows, false, 32767 / top, window);
  const Paired centred = pair_up(panel, plain.rest, rows, true, kMostCentred, window);
  Steps steps{static_cast<int>(plain.pairs.size() / 2), static_cast<int>(plain.singles.size()),
              static_cast<int>(centred.pairs.size() / 2), static_cast<int>(centred.singles.size()),
              static_cast<std::ptrdiff_t>(packed->size()), {}};
  for (const auto* some : {&plain.pairs, &plain.singles}) {
    for (const int d : *some) {
      *order++ = static_cast<std::uint16_t>(d);
      packed->insert(packed->end(), panel + d * rows * 4, panel + (d + 1) * rows * 4);
    }
  }
  for (const auto* some : {&centred.pairs, &centred.singles}) {
    for (const int d : *some) {
      *order++ = static_cast<std::uint16_t>(d);
      const std::int8_t* const w = panel + d * rows * 4;
      for (int i = 0; i < rows * 4; ++i) packed->push_back(static_cast<std::int8_t>(std::abs(w[i])));
      for (int i = 0; i < rows * 4; ++i) packed->push_back(static_cast<std::int8_t>(w[i] < 0 ? 0x7f : -0x80));
      for (int i = 0; i < rows * 4; ++i) steps.missing[i / 4] += (w[i] < 0 ? 127 : 128) * w[i];
    }
  }
  return steps;
}

}  // namespace featherweight::kernels
