// Depthwise convolution for every vector width: tiles of up to four lines times two vectors of outputs.
// A vector of inputs is loaded once for all lines of the tile that a chain of taps reads it for.
#pragma once

#include "kernels/depthwise/depthwise.h"
#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct DepthwiseChannel {
  static constexpr int kLines = 4;

  struct Channel {
    const float* weights;
    const TapChain* chains;
    int count;
    const float* x;
    std::ptrdiff_t pitch, width;
    float* y;
    const Epilogue& e;
    typename V::Float scale, bias;
  };

  static void channel(const float* weights, const TapChain* chains, int count, const float* x,
                      const Columns& columns, int row, float* y, const Epilogue& e) {
    const Channel c{weights, chains, count, x, columns.pitch, columns.width, y, e,
                    V::fill(e.scale ? e.scale[row] : 1.0f), V::fill(e.bias ? e.bias[row] : 0.0f)};
    const int lines = (columns.count + columns.pitch - 1) / columns.pitch;
    for (int line = 0; line < lines; line += kLines) {
      const int left = lines - line < kLines ? lines - line : kLines;
      switch (left) {
        case 1: band<1>(c, line); break;
        case 2: band<2>(c, line); break;
        case 3: band<3>(c, line); break;
        default: band<kLines>(c, line);
      }
    }
  }

  template <int kUsedLines>
  static void band(const Channel& c, int line) {
    std::ptrdiff_t at = 0;
    for (; at + 2 * V::kLanes <= c.width; at += 2 * V::kLanes) tile<kUsedLines, 2, false>(c, line, at);
    const int left = static_cast<int>(c.width - at);
    if (left == V::kLanes) {
      tile<kUsedLines, 1, false>(c, line, at);
    } else if (left > V::kLanes) {
      tile<kUsedLines, 2, true>(c, line, at);
    } else if (left > 0) {
      tile<kUsedLines, 1, true>(c, line, at);
    }
  }

  // kMasked: the last vector is not whole.
  template <int kUsedLines, int kUsed, bool kMasked>
  static void tile(const Channel& c, int line, std::ptrdiff_t column) {
    const auto last = V::first(static_cast<int>(c.width - column - (kUsed - 1) * V::kLanes) % V::kLanes);
    typename V::Float acc[kUsedLines][kUsed];
#pragma GCC unroll 4
    for (int i = 0; i < kUsedLines; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) acc[i][v] = V::zero();
    }
    const float* const x = c.x + line * c.pitch + column;
    for (const TapChain* t = c.chains; t < c.chains + c.count; ++t) {
      const float* const w = c.weights + t->first;
      switch (t->length) {
        case 1: chain<1, kUsedLines, kUsed, kMasked>(w, *t, x, c.pitch, last, acc); break;
        case 2: chain<2, kUsedLines, kUsed, kMasked>(w, *t, x, c.pitch, last, acc); break;
        case 3: chain<3, kUsedLines, kUsed, kMasked>(w, *t, x, c.pitch, last, acc); break;
        case 4: chain<4, kUsedLines, kUsed, kMasked>(w, *t, x, c.pitch, last, acc); break;
        default: chain<kLongestChain, kUsedLines, kUsed, kMasked>(w, *t, x, c.pitch, last, acc);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kUsedLines; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) {
        const std::ptrdiff_t at = (line + i) * c.width + column + v * V::kLanes;
        const bool is_masked = kMasked && v == kUsed - 1;
        auto rest = V::zero();
        if (c.e.residual) rest = is_masked ? V::load(c.e.residual + at, last) : V::load(c.e.residual + at);
        const auto value = finished<V>(acc[i][v], c.e, c.scale, c.bias, rest);
        if (is_masked) {
          V::store(c.y + at, last, value);
        } else {
          V::store(c.y + at, value);
        }
      }
    }
  }

  template <int kLength, int kUsedLines, int kUsed, bool kMasked>
  static void chain(const float* w, const TapChain& t, const float* x, std::ptrdiff_t pitch,
                    typename V::Mask last, typename V::Float (&acc)[kUsedLines][kUsed]) {
    typename V::Float weights[kLength];
#pragma GCC unroll 5
    for (int j = 0; j < kLength; ++j) weights[j] = V::fill(w[j * t.step]);
    const float* at = x + t.offset;
#pragma GCC unroll 8
    for (int i = 0; i < kUsedLines + kLength - 1; ++i, at += pitch) {
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) {
        const auto value = kMasked && v == kUsed - 1 ? V::load(at + v * V::kLanes, last)
                                                     : V::load(at + v * V::kLanes);
#pragma GCC unroll 5
        for (int j = 0; j < kLength; ++j) {
          if (i - j >= 0 && i - j < kUsedLines) acc[i - j][v] = V::fma(weights[j], value, acc[i - j][v]);
        }
      }
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
