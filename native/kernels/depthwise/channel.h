// Depthwise convolution for every vector width.
//
// Strips of one vector of output columns are computed from top to bottom. Each line of the plane is loaded
// once for a strip, at the places where the columns of the filter read it, and goes into the sums of all
// outputs that need it; then the uppermost sum is whole and the others move up. Strips at the border mask
// what lies outside of the plane.
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
    const bool is_square = l.kernel_y == l.kernel_x && l.stride_y == l.stride_x && l.dilation_y == 1 && l.dilation_x == 1;
    switch (is_square ? 10 * l.kernel_x + l.stride_x : 0) {
      case 31: return strips<3, 1>(c);
      case 32: return strips<3, 2>(c);
      case 51: return strips<5, 1>(c);
      case 52: return strips<5, 2>(c);
      case 71: return strips<7, 1>(c);
      case 72: return strips<7, 2>(c);
    }
    if (l.stride_x == 1) return any_filter(c);
    kDepthwiseScalar.channel(l, weights, x, row, y, e);
  }

 private:
  // Stores one line of a strip after the other.
  struct End {
    const Channel& c;
    typename V::Float scale = c.scale, bias = c.bias;
    Finish<V> finish{c.e};
    float* y;
    const float* residual;
    std::ptrdiff_t pitch;
    int count;
    typename V::Mask mask;

    End(const Channel& channel, int column)
        : c(channel), y(c.y + column), residual(c.e.residual ? c.e.residual + column : nullptr), pitch(c.layer.out_width),
          count(c.layer.out_width - column < V::kLanes ? c.layer.out_width - column : V::kLanes), mask(V::first(count)) {}

    [[gnu::always_inline]] void store(typename V::Float sum) {
      auto rest = V::zero();
      if (residual) {
        rest = V::load(residual, mask);
        residual += pitch;
      }
      V::store_first(y, count, finish(sum, scale, bias, rest));
      y += pitch;
    }
  };

  template <int kSize, int kStride>
  static void strips(const Channel& c) {
    const PlaneWindow& l = c.layer;
    for (int column = 0; column < l.out_width; column += V::kLanes) {
      const int pixel = column * kStride - l.pad_left;
      const bool is_inside = pixel >= 0 && pixel + (kSize - 1) / kStride * kStride + kStride * V::kLanes <= l.in_width;
      is_inside ? strip<kSize, kStride, false>(c, column) : strip<kSize, kStride, true>(c, column);
    }
  }

  // sums[j] is that of the output kSums - 1 - j lines above the one whose first line of inputs is `line`.
  template <int kSize, int kStride, bool kMasked>
  [[gnu::noinline]] static void strip(const Channel& c, int column) {
    constexpr int kSums = (kSize + kStride - 1) / kStride;
    const PlaneWindow l = c.layer;  // in registers: a store of a vector may alias anything
    const int pixel = column * kStride - l.pad_left;
    typename V::Float weights[kSize * kSize];
#pragma GCC unroll 49
    for (int i = 0; i < kSize * kSize; ++i) weights[i] = V::fill(c.weights[i]);
    typename V::Mask masks[kSize + kStride - 1];
    if (kMasked) {
#pragma GCC unroll 8
      for (int i = 0; i < kSize + kStride - 1; ++i) {
        masks[i] = inside(pixel + i / kStride * kStride + i % kStride * V::kLanes, l.in_width);
      }
    }
    typename V::Float sums[kSums];
#pragma GCC unroll 8
    for (int j = 0; j < kSums; ++j) sums[j] = V::zero();
    End end(c, column);
    const float* at = c.x + pixel - static_cast<std::ptrdiff_t>(l.pad_top) * l.in_width;
    int line = -l.pad_top;
    for (int step = 1 - kSums; step < l.out_height; ++step) {
#pragma GCC unroll 2
      for (int i = 0; i < kStride; ++i, ++line, at += l.in_width) {
        if (static_cast<unsigned>(line) >= static_cast<unsigned>(l.in_height)) continue;
#pragma GCC unroll 8
        for (int kx = 0; kx < kSize; ++kx) {
          const auto value = taken<kStride, kMasked>(at, kx, masks);
#pragma GCC unroll 8
          for (int j = 0; j < kSums; ++j) {
            const int ky = (kSums - 1 - j) * kStride + i;
            if (ky < kSize) sums[j] = V::fma(weights[ky * kSize + kx], value, sums[j]);
          }
        }
      }
      if (step >= 0) end.store(sums[0]);
#pragma GCC unroll 8
      for (int j = 0; j + 1 < kSums; ++j) sums[j] = sums[j + 1];
      sums[kSums - 1] = V::zero();
    }
  }

  // The pixels that column kx of the filter reads: kLanes of them, kStride apart. With stride 2 neighbours share
  // what is loaded.
  template <int kStride, bool kMasked>
  [[gnu::always_inline]] static typename V::Float taken(const float* at, int kx, const typename V::Mask* masks) {
    if constexpr (kStride == 1) {
      return V::loaded(kMasked ? V::load(at + kx, masks[kx]) : V::load(at + kx));
    } else {
      const int first = kx / 2 * 2;
      const auto a = kMasked ? V::load(at + first, masks[first]) : V::load(at + first);
      const auto b = kMasked ? V::load(at + first + V::kLanes, masks[first + 1]) : V::load(at + first + V::kLanes);
      return kx == first ? V::even(a, b) : V::odd(a, b);
    }
  }

  // Any filter and dilation where outputs lie as close as inputs.
  static void any_filter(const Channel& c) {
    const PlaneWindow& l = c.layer;
    for (int column = 0; column < l.out_width; column += V::kLanes) {
      End end(c, column);
      for (int line = 0; line < l.out_height; ++line) {
        auto sum = V::zero();
        for (int ky = 0; ky < l.kernel_y; ++ky) {
          const int from = line * l.stride_y + ky * l.dilation_y - l.pad_top;
          if (static_cast<unsigned>(from) >= static_cast<unsigned>(l.in_height)) continue;
          for (int kx = 0; kx < l.kernel_x; ++kx) {
            const int pixel = column + kx * l.dilation_x - l.pad_left;
            const float* const at = c.x + static_cast<std::ptrdiff_t>(from) * l.in_width + pixel;
            const bool is_inside = pixel >= 0 && pixel + V::kLanes <= l.in_width;
            const auto value = is_inside ? V::load(at) : V::load(at, inside(pixel, l.in_width));
            sum = V::fma(V::fill(c.weights[ky * l.kernel_x + kx]), value, sum);
          }
        }
        end.store(sum);
      }
    }
  }

  static typename V::Mask inside(int pixel, int width) {
    const auto lanes = [](int count) { return count < 0 ? 0 : count > V::kLanes ? V::kLanes : count; };
    return V::between(lanes(-pixel), lanes(width - pixel));
  }
};

}  // namespace
}  // namespace featherweight::kernels
