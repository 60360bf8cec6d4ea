#include "kernels/int8/steps.h"

#include <algorithm>
#include <cstdlib>

namespace featherweight::kernels {
namespace {

constexpr int kMostRows = 4;
constexpr int kMostCentred = 256;  // times -128 is the least of 16 bits
constexpr int kWindow = 32;        // of steps, within which X is near

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

// Steps whose products are added in 16 bits and then widened once.
struct Group {
  int steps[4], count;
  Reach reach;
  int most;  // of `reach`

  Group(int step, const Reach& of_step) : steps{step}, count(1), reach(of_step), most(reach.most()) {}
  void add(const Group& other) {
    std::copy(other.steps, other.steps + other.count, steps + count);
    count += other.count;
    for (int lane = 0; lane < 4 * kMostRows; ++lane) reach.at[lane] += other.reach.at[lane];
    most = reach.most();
  }
};

struct Joined {
  std::vector<Group> joined, alone;
};

// Two groups to one: each with the one of the next few that reaches furthest of those that fit together with it.
// Groups hold at most two steps.
Joined join(const std::vector<Group>& groups, int limit, int window) {
  Joined found;
  std::vector<bool> is_taken(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (is_taken[i]) continue;
    const Group& group = groups[i];
    std::size_t mate = i;
    for (std::size_t other = i + 1; other < groups.size(); ++other) {
      const Group& next = groups[other];
      if (next.steps[0] > group.steps[0] + window) break;
      const bool is_better = !is_taken[other] && (mate == i || next.most > groups[mate].most);
      if (is_better && fit_together(group.reach, next.reach, limit)) mate = other;
    }
    if (mate == i) {
      found.alone.push_back(group);
      continue;
    }
    is_taken[mate] = true;
    found.joined.push_back(group);
    found.joined.back().add(groups[mate]);
  }
  return found;
}

}  // namespace

Steps order_steps(const std::int8_t* panel, int depth, int rows, int top, std::uint16_t* order,
                  std::vector<std::int8_t>* packed) {
  const int limit = 32767 / top, window = top < 128 ? 1 : kWindow;  // neighbours where nearly all fit
  std::vector<Group> plain, high;
  for (int d = 0; d < depth; ++d) {
    const std::int8_t* const step = panel + d * rows * 4;
    const Group group(d, reach_of(step, rows, false));
    if (group.most <= limit) plain.push_back(group);
    else high.emplace_back(d, reach_of(step, rows, true));
  }
  const Joined in_plain = join(plain, limit, window), in_pairs = join(in_plain.joined, limit, kWindow);
  const Joined in_centred = join(high, kMostCentred, window);
  const auto count = [](const std::vector<Group>& groups) { return static_cast<int>(groups.size()); };
  Steps steps{count(in_pairs.joined), count(in_pairs.alone), count(in_plain.alone), count(in_centred.joined),
              count(in_centred.alone), static_cast<std::ptrdiff_t>(packed->size()), {}};
  const auto each = [&](const std::vector<Group>& groups, const auto& append) {
    for (const Group& group : groups) {
      for (int i = 0; i < group.count; ++i) {
        *order++ = static_cast<std::uint16_t>(group.steps[i]);
        append(panel + group.steps[i] * rows * 4);
      }
    }
  };
  for (const auto* groups : {&in_pairs.joined, &in_pairs.alone, &in_plain.alone}) {
    each(*groups, [&](const std::int8_t* w) { packed->insert(packed->end(), w, w + rows * 4); });
  }
  for (const auto* groups : {&in_centred.joined, &in_centred.alone}) {
    each(*groups, [&](const std::int8_t* w) {
      for (int i = 0; i < rows * 4; ++i) packed->push_back(static_cast<std::int8_t>(std::abs(w[i])));
      for (int i = 0; i < rows * 4; ++i) packed->push_back(static_cast<std::int8_t>(w[i] < 0 ? 0x7f : -0x80));
      for (int i = 0; i < rows * 4; ++i) steps.missing[i / 4] += (w[i] < 0 ? 127 : 128) * w[i];
    });
  }
  return steps;
}

}  // namespace featherweight::kernels
