// Package-merge. A coin of weight counts[s] for every symbol s exists at each of the 12 lengths.
// From the longest length on, the cheapest coins are paired into packages, which compete with the
// single coins of the next shorter length. The cheapest 2 n - 2 items at length 1 hold every symbol
// as often as its code is long.
#include <algorithm>
#include <vector>

#include "coders/huffman.h"

namespace featherweight {
namespace {

struct Item {
  std::uint64_t weight;
  bool is_package;
};

std::vector<Item> merge(const std::vector<Item>& coins, const std::vector<Item>& longer) {
  std::vector<Item> packages;
  for (std::size_t i = 0; i + 2 <= longer.size(); i += 2) {
    packages.push_back({longer[i].weight + longer[i + 1].weight, true});
  }
  std::vector<Item> merged(coins.size() + packages.size());
  // Of equal weights std::merge takes the coin first, on every machine.
  std::merge(coins.begin(), coins.end(), packages.begin(), packages.end(), merged.begin(),
             [](const Item& a, const Item& b) { return a.weight < b.weight; });
  return merged;
}

}  // namespace

CodeLengths limited_code_lengths(const Counts& counts) {
  std::vector<std::uint8_t> symbols;
  for (int s = 0; s < 256; ++s) {
    if (counts[s] > 0) symbols.push_back(static_cast<std::uint8_t>(s));
  }
  std::stable_sort(symbols.begin(), symbols.end(),
                   [&](std::uint8_t a, std::uint8_t b) { return counts[a] < counts[b]; });
  std::vector<Item> coins;
  for (const std::uint8_t s : symbols) coins.push_back({counts[s], false});

  std::vector<std::vector<Item>> levels = {coins};  // levels[k]: codes of length 12 - k
  while (levels.size() < kMaxCodeLength) levels.push_back(merge(coins, levels.back()));

  // A package taken at one length takes two items of the next longer one; both lists are sorted,
  // so what is taken is always a prefix, and its coins are the rarest symbols.
  CodeLengths lengths{};
  std::size_t taken = 2 * symbols.size() - 2;
  for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
    const auto packages = static_cast<std::size_t>(
        std::count_if(level->begin(), level->begin() + static_cast<std::ptrdiff_t>(taken),
                      [](const Item& item) { return item.is_package; }));
    for (std::size_t i = 0; i < taken - packages; ++i) ++lengths[symbols[i]];
    taken = 2 * packages;
  }
  return lengths;
}

}  // namespace featherweight
