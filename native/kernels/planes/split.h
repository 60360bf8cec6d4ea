// Padded phases for every vector width.
#pragma once

#include "kernels/planes/planes.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct PlaneCopy {
  static void pad(float* out, std::int64_t count, float padding) {
    const auto value = V::fill(padding);
    std::int64_t i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) V::store(out + i, value);
    if (i < count) V::store_first(out + i, static_cast<int>(count - i), value);
  }

  // Up to `left` floats: never reads behind them.
  static typename V::Float load(const float* p, std::int64_t left) {
    if (left >= V::kLanes) return V::load(p);
    return left > 0 ? V::load(p, V::first(static_cast<int>(left))) : V::zero();
  }

  // kLanes floats that lie kStride apart, of which `left` exist.
  template <int kStride>
  static typename V::Float strided(const float* p, std::int64_t left) {
    if constexpr (kStride == 1) {
      return load(p, left);
    } else {
      constexpr int kHalf = kStride / 2;
      return V::even(strided<kHalf>(p, 2 * left - 1), strided<kHalf>(p + kHalf * V::kLanes, 2 * left - 1 - V::kLanes));
    }
  }

  template <int kStride>
  static void line(const float* in, float* out, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + V::kLanes < count; i += V::kLanes) {
      V::store(out + i, strided<kStride>(in + i * kStride, count - i));
    }
    const int left = static_cast<int>(count - i);
    if (left > 0) V::store_first(out + i, left, strided<kStride>(in + i * kStride, left));
  }

  static void line(const float* in, std::int64_t stride, float* out, std::int64_t count) {
    switch (stride) {
      case 1: return line<1>(in, out, count);
      case 2: return line<2>(in, out, count);
      case 4: return line<4>(in, out, count);
      default:
        for (std::int64_t i = 0; i < count; ++i) out[i] = in[i * stride];
    }
  }

  static void phase(const PlaneSplit& s, std::int64_t py, std::int64_t px, const float* channel, float* out) {
    // Pixels [first, last) of a line lie inside the channel.
    const auto count_to = [&](std::int64_t x) {
      const std::int64_t count = (x + s.pad_left - px + s.stride_x - 1) / s.stride_x;
      return count < 0 || x + s.pad_left < px ? 0 : count > s.pitch ? s.pitch : count;
    };
    const std::int64_t first = count_to(0), last = count_to(s.in_width);
    for (std::int64_t n = 0; n < s.phase_height; ++n, out += s.pitch) {
      const std::int64_t y = n * s.stride_y + py - s.pad_top;
      if (y < 0 || y >= s.in_height) {
        pad(out, s.pitch, s.padding);
        continue;
      }
      pad(out, first, s.padding);
      const float* const in = channel + y * s.in_width + first * s.stride_x + px - s.pad_left;
      line(in, s.stride_x, out + first, last - first);
      pad(out + last, s.pitch - last, s.padding);
    }
  }

  static void split(const PlaneSplit& s, const float* channel, float* planes) {
    for (std::int64_t py = 0; py < s.stride_y; ++py) {
      for (std::int64_t px = 0; px < s.stride_x; ++px) {
        const int number = s.phase_of[py * s.stride_x + px];
        if (number >= 0) phase(s, py, px, channel, planes + number * s.phase_height * s.pitch);
      }
    }
  }
};

}  // namespace
}  // namespace featherweight::kernels
