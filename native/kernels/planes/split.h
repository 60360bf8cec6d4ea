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
    // Of `limit` places in this phase, those before the channel's pixel `to`.
    const auto count_to = [](std::int64_t to, std::int64_t pad, std::int64_t at, std::int64_t stride, std::int64_t limit) {
      const std::int64_t count = (to + pad - at + stride - 1) / stride;
      return to + pad < at ? 0 : count > limit ? limit : count;
    };
    const std::int64_t first = count_to(0, s.pad_left, px, s.stride_x, s.pitch);
    const std::int64_t count = count_to(s.in_width, s.pad_left, px, s.stride_x, s.pitch) - first;
    const std::int64_t top = count_to(0, s.pad_top, py, s.stride_y, s.phase_height);
    const std::int64_t bottom = count_to(s.in_height, s.pad_top, py, s.stride_y, s.phase_height);
    float* const end = out + s.phase_height * s.pitch;
    const float* in = channel + (top * s.stride_y + py - s.pad_top) * s.in_width + first * s.stride_x + px - s.pad_left;
    // What lies between two lines is written at once.
    std::int64_t between = top * s.pitch + first;
    for (std::int64_t n = top; n < bottom; ++n, in += s.stride_y * s.in_width) {
      pad(out, between, s.padding);
      line(in, s.stride_x, out + between, count);
      out += between + count;
      between = s.pitch - count;
    }
    pad(out, end - out, s.padding);
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
