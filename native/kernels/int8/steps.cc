#include "kernels/int8/steps.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace featherweight::kernels {
namespace {

constexpr int kMostRows = 4;

// What the positive and the negative weights of each 16-bit lane, half a row's four channels, add up to.
struct Reach {
  std::int16_t at[4 * kMostRows];  // [row][half][positive, negative]

  int most() const { return *std::max_element(std::begin(at), std::end(at)); }
};

Reach reach_of(const std::int8_t* step, int rows) {
  Reach reach{};
  for (int i = 0; i < rows * 4; ++i) {
    const int w = step[i], lane = i / 2 * 2;
    reach.at[lane + (w < 0)] = static_cast<std::int16_t>(reach.at[lane + (w < 0)] + std::abs(w));
  }
  return reach;
}

bool fit_together(const Reach& a, const Reach& b, int limit) {
  int most = 0;
  for (int i = 0; i < 4 * kMostRows; ++i) most = std::max(most, a.at[i] + b.at[i]);
  return most <= limit;
}

}  // namespace

Steps order_steps(std::int8_t* panel, int depth, int rows, int top, std::uint16_t* order) {
  const int limit = 32767 / top;
  const int window = top < 128 ? 1 : 32;  // of steps, within which X is near; neighbours where nearly all fit
  std::vector<Reach> reach;
  std::vector<int> most;
  for (int d = 0; d < depth; ++d) {
    reach.push_back(reach_of(panel + d * rows * 4, rows));
    most.push_back(reach.back().most());
  }

  // Each step is joined to the one of the next few that reaches furthest of those that fit.
  std::vector<int> pairs, singles, rest;
  std::vector<bool> is_taken(static_cast<std::size_t>(depth));
  for (int d = 0; d < depth; ++d) {
    if (is_taken[d]) continue;
    int mate = -1;
    for (int other = d + 1; other < depth && other <= d + window && most[d] <= limit; ++other) {
      const bool is_better = !is_taken[other] && most[other] <= limit && (mate < 0 || most[other] > most[mate]);
      if (is_better && fit_together(reach[d], reach[other], limit)) mate = other;
    }
    if (mate >= 0) {
      is_taken[mate] = true;
      pairs.insert(pairs.end(), {d, mate});
    } else {
      (most[d] <= limit ? singles : rest).push_back(d);
    }
  }
  std::vector<int> all = pairs;
  all.insert(all.end(), singles.begin(), singles.end());
  all.insert(all.end(), rest.begin(), rest.end());
  const std::vector<std::int8_t> before(panel, panel + static_cast<std::ptrdiff_t>(depth) * rows * 4);
  for (int i = 0; i < depth; ++i) {
    order[i] = static_cast<std::uint16_t>(all[i]);
    std::memcpy(panel + i * rows * 4, before.data() + all[i] * rows * 4, static_cast<std::size_t>(rows) * 4);
  }
  return {static_cast<int>(pairs.size() / 2), static_cast<int>(singles.size())};
}

}  // namespace featherweight::kernels
