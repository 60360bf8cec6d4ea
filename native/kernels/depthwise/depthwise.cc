#include "kernels/depthwise/depthwise.h"

namespace featherweight::kernels {

std::vector<TapChain> tap_chains(const std::vector<std::int32_t>& offsets, int pitch) {
  const int taps = static_cast<int>(offsets.size());
  std::vector<bool> is_taken(offsets.size(), false);
  std::vector<TapChain> chains;
  const auto find = [&](int from, std::int32_t offset) {
    for (int t = from; t < taps; ++t) {
      if (!is_taken[t] && offsets[t] == offset) return t;
    }
    return -1;
  };
  for (int first = 0; first < taps; ++first) {
    if (is_taken[first]) continue;
    is_taken[first] = true;
    TapChain chain{offsets[first], first, 0, 1};
    const int second = find(first + 1, offsets[first] + pitch);
    if (second >= 0) {
      chain.step = second - first;
      for (int t = second; t < taps && chain.length < kLongestChain; t += chain.step) {
        if (is_taken[t] || offsets[t] != chain.offset + chain.length * pitch) break;
        is_taken[t] = true;
        ++chain.length;
      }
    }
    chains.push_back(chain);
  }
  return chains;
}

}  // namespace featherweight::kernels
