// Tables of differing bits, for instruction sets that shuffle bytes but do not count bits.
#pragma once

#include <cstdint>

namespace featherweight::kernels {
namespace {

constexpr int differing(int a, int b) {
  const int x = a ^ b;
  return (x & 1) + (x >> 1 & 1) + (x >> 2 & 1) + (x >> 3 & 1);
}

// bytes[a][v]: popcount(v ^ a).
struct Tables {
  alignas(64) std::uint8_t bytes[16][16];

  constexpr Tables() : bytes() {
    for (int a = 0; a < 16; ++a) {
      for (int v = 0; v < 16; ++v) bytes[a][v] = static_cast<std::uint8_t>(differing(a, v));
    }
  }
};

// bytes[a0 | a1 << 4][v]: popcount(v ^ a0) | popcount(v ^ a1) << 4.
struct PairTables {
  alignas(64) std::uint8_t bytes[256][16];

  constexpr PairTables() : bytes() {
    for (int a = 0; a < 256; ++a) {
      for (int v = 0; v < 16; ++v) {
        bytes[a][v] = static_cast<std::uint8_t>(differing(a & 15, v) | differing(a >> 4, v) << 4);
      }
    }
  }
};

constexpr Tables kTables;
constexpr PairTables kPairTables;

}  // namespace
}  // namespace featherweight::kernels
