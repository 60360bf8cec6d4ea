// Depthwise convolution for every vector width: tiles of four, two or one lines times two vectors or one of outputs.
//
// The taps of one column of the filter form a chain: each vector of inputs is loaded once for a chain and
// used for all lines of the tile that need it. Tiles at the border mask what lies outside of the plane.
#pragma once

#include "kernels/depthwise/depthwise.h"
#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct DepthwiseChannel {
  struct Channel {
    const PlaneWindow& layer;
    const float *weights, *x;
    float* y;
    const Epilogue& e;
    typename V::Float scale, bias;
  };

  static void channel(const PlaneWindow& l, const float* weights, const float* x, int row, float* y,
                      const Epilogue& e) {
    const Channel c{l, weights, x, y, e, V::fill(e.scale ? e.scale[row] : 1.0f), V::fill(e.bias ? e.bias[row] : 0.0f)};
    if (l.stride_y == 1 && l.stride_x == 1) return bands<1>(c);
    if (l.stride_y == 2 && l.stride_x == 2) return bands<2>(c);
    kDepthwiseScalar.channel(l, weights, x, row, y, e);
  }

 private:
  template <int kStride>
  static void bands(const Channel& c) {
    int line = 0;
    for (; line + 4 <= c.layer.out_height; line += 4) band<kStride, 4>(c, line);
    if (line + 2 <= c.layer.out_height) {
      band<kStride, 2>(c, line);
      line += 2;
    }
    if (line < c.layer.out_height) band<kStride, 1>(c, line);
  }

  template <int kStride, int kUsedLines>
  static void band(const Channel& c, int line) {
    const PlaneWindow& l = c.layer;
    const int top = line * kStride - l.pad_top;
    const bool is_inside = top >= 0 && top + (kUsedLines - 1) * kStride + (l.kernel_y - 1) * l.dilation_y < l.in_height;
    const int reach = (l.kernel_x - 1) * l.dilation_x - l.pad_left;
    for (int column = 0; column < l.out_width;) {
      const int vectors = l.out_width - column > V::kLanes ? 2 : 1, end = column + vectors * V::kLanes;
      const bool is_border = !is_inside || column * kStride < l.pad_left || end * kStride + reach > l.in_width;
      if (vectors == 2) {
        is_border ? tile<kStride, kUsedLines, 2, true>(c, line, column) : tile<kStride, kUsedLines, 2, false>(c, line, column);
      } else {
        is_border ? tile<kStride, kUsedLines, 1, true>(c, line, column) : tile<kStride, kUsedLines, 1, false>(c, line, column);
      }
      column = end;
    }
  }

  template <int kStride, int kUsedLines, int kUsed, bool kBorder>
  static void tile(const Channel& c, int line, int column) {
    typename V::Float acc[kUsedLines][kUsed];
#pragma GCC unroll 4
    for (int i = 0; i < kUsedLines; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) acc[i][v] = V::zero();
    }
    const PlaneWindow& l = c.layer;
    const bool is_chain = l.dilation_y == 1;
    for (int kx = 0; kx < l.kernel_x; ++kx) {
      const int pixel = column * kStride + kx * l.dilation_x - l.pad_left;
      for (int ky = 0; ky < l.kernel_y;) {
        const float* const w = c.weights + ky * l.kernel_x + kx;
        const int top = line * kStride + ky * l.dilation_y - l.pad_top, left = l.kernel_y - ky;
        if (is_chain && left >= 5) {
          chain<5, kStride, kUsedLines, kUsed, kBorder>(w, c, top, pixel, acc);
          ky += 5;
        } else if (is_chain && left >= 3) {
          chain<3, kStride, kUsedLines, kUsed, kBorder>(w, c, top, pixel, acc);
          ky += 3;
        } else {
          chain<1, kStride, kUsedLines, kUsed, kBorder>(w, c, top, pixel, acc);
          ky += 1;
        }
      }
    }
    store<kUsedLines, kUsed>(c, line, column, acc);
  }

  // Taps of one column of the filter, `top` and `pixel` being the first one's place in the plane. A call
  // would put the sums into memory.
  template <int kLength, int kStride, int kUsedLines, int kUsed, bool kBorder>
  [[gnu::always_inline]] static void chain(const float* w, const Channel& c, int top, int pixel, typename V::Float (&acc)[kUsedLines][kUsed]) {
    typename V::Float weights[kLength];
#pragma GCC unroll 5
    for (int j = 0; j < kLength; ++j) weights[j] = V::fill(w[j * c.layer.kernel_x]);
    const std::ptrdiff_t pitch = c.layer.in_width;
    typename V::Mask masks[kUsed * kStride];
    if (kBorder) {
#pragma GCC unroll 4
      for (int v = 0; v < kUsed * kStride; ++v) masks[v] = inside(pixel + v * V::kLanes, c.layer.in_width);
    }
    const float* at = c.x + top * pitch + pixel;
#pragma GCC unroll 16
    for (int n = 0; n < (kUsedLines - 1) * kStride + kLength; ++n, at += pitch) {
      if (kBorder && static_cast<unsigned>(top + n) >= static_cast<unsigned>(c.layer.in_height)) continue;
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) {
        const auto value = load<kStride, kBorder>(at + v * kStride * V::kLanes, masks + v * kStride);
#pragma GCC unroll 5
        for (int j = 0; j < kLength; ++j) {
          const int i = (n - j) / kStride;
          if (n >= j && (n - j) % kStride == 0 && i < kUsedLines) acc[i][v] = V::fma(weights[j], value, acc[i][v]);
        }
      }
    }
  }

  static typename V::Mask inside(int pixel, int width) {
    const auto lanes = [](int count) { return count < 0 ? 0 : count > V::kLanes ? V::kLanes : count; };
    return V::between(lanes(-pixel), lanes(width - pixel));
  }

  // kLanes pixels that lie kStride apart.
  template <int kStride, bool kMasked>
  static typename V::Float load(const float* p, const typename V::Mask* masks) {
    const auto first = kMasked ? V::load(p, masks[0]) : V::load(p);
    if constexpr (kStride == 1) {
      return first;
    } else {
      return V::even(first, kMasked ? V::load(p + V::kLanes, masks[1]) : V::load(p + V::kLanes));
    }
  }

  template <int kUsedLines, int kUsed>
  static void store(const Channel& c, int line, int column, const typename V::Float (&acc)[kUsedLines][kUsed]) {
    const std::ptrdiff_t width = c.layer.out_width;
#pragma GCC unroll 2
    for (int v = 0; v < kUsed; ++v) {
      const int first = column + v * V::kLanes, left = c.layer.out_width - first;
      const int count = left < V::kLanes ? left : V::kLanes;
      const auto mask = V::first(count);
#pragma GCC unroll 4
      for (int i = 0; i < kUsedLines; ++i) {
        const std::ptrdiff_t at = (line + i) * width + first;
        const auto rest = c.e.residual ? V::load(c.e.residual + at, mask) : V::zero();
        V::store_first(c.y + at, count, finished<V>(acc[i][v], c.e, c.scale, c.bias, rest));
      }
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
