// Pooling for every vector width, in two passes a line of outputs: the window's lines are combined into
// one line, then pixels of that line. A pixel is so read once for all the windows of a line that hold it.
#pragma once

#include "kernels/pool/pool.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct Larger {
  static typename V::Float neutral() { return V::fill(-__builtin_inff()); }
  // Where either is NaN, so is the result.
  static typename V::Float combine(typename V::Float most, typename V::Float value) {
    return V::where_nan(most, most, V::max(most, value));
  }
};

template <class V>
struct Sum {
  static typename V::Float neutral() { return V::zero(); }
  static typename V::Float combine(typename V::Float a, typename V::Float b) { return V::add(a, b); }
};

template <class V, class Op>
struct PoolLines {
  static void pool(const PlaneWindow& w, const float* x, float* y, float* line) {
    const int size = (w.out_width + V::kLanes - 1) / V::kLanes * V::kLanes * w.stride_x + (w.kernel_x - 1) * w.dilation_x;
    int i = 0;
    for (; i + V::kLanes <= size; i += V::kLanes) V::store(line + i, Op::neutral());
    V::store_first(line + i, size - i, Op::neutral());
    for (int oy = 0; oy < w.out_height; ++oy, y += w.out_width) {
      combine_lines(w, x, oy * w.stride_y - w.pad_top, line + w.pad_left);
      if (w.stride_x == 1) {
        combine_pixels<1>(w, line, y);
      } else if (w.stride_x == 2) {
        combine_pixels<2>(w, line, y);
      } else {
        for (int ox = 0; ox < w.out_width; ++ox) y[ox] = one(w, line + ox * w.stride_x);
      }
    }
  }

 private:
  static void combine_lines(const PlaneWindow& w, const float* x, int top, float* out) {
    int first = 0, last = w.kernel_y;
    while (first < last && top + first * w.dilation_y < 0) ++first;
    while (last > first && top + (last - 1) * w.dilation_y >= w.in_height) --last;
    const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(w.dilation_y) * w.in_width;
    const float* const lines = x + static_cast<std::ptrdiff_t>(top + first * w.dilation_y) * w.in_width;
    for (int i = 0; i < w.in_width; i += V::kLanes) {
      const int left = w.in_width - i, count = left < V::kLanes ? left : V::kLanes;
      const auto mask = V::first(count);
      auto all = Op::neutral();
      const float* at = lines + i;
      for (int ky = first; ky < last; ++ky, at += step) {
        all = Op::combine(all, count == V::kLanes ? V::load(at) : V::load(at, mask));
      }
      V::store_first(out + i, count, all);
    }
  }

  template <int kStride>
  static void combine_pixels(const PlaneWindow& w, const float* line, float* y) {
    for (int ox = 0; ox < w.out_width; ox += V::kLanes) {
      auto all = Op::neutral();
      for (int kx = 0; kx < w.kernel_x; ++kx) {
        const float* const at = line + ox * kStride + kx * w.dilation_x;
        if constexpr (kStride == 1) {
          all = Op::combine(all, V::load(at));
        } else {
          all = Op::combine(all, V::even(V::load(at), V::load(at + V::kLanes)));
        }
      }
      const int left = w.out_width - ox;
      V::store_first(y + ox, left < V::kLanes ? left : V::kLanes, all);
    }
  }

  static float one(const PlaneWindow& w, const float* line) {
    auto all = Op::neutral();
    for (int kx = 0; kx < w.kernel_x; ++kx) all = Op::combine(all, V::fill(line[kx * w.dilation_x]));
    float value;
    V::store_first(&value, 1, all);
    return value;
  }
};

}  // namespace
}  // namespace featherweight::kernels
