// Float32 to 8 bits, for every vector width. Included by files of one instruction set only.
#pragma once

#include "kernels/int8/int8.h"

namespace featherweight::kernels {
namespace {

// x / scale is what the specification rounds. A product with 1 / scale is within 2^-15 of it (for
// |x / scale| < 256), so the two round alike but where the product lies within 2^-14 of a tie: only
// there is it divided.
template <class V>
struct Quantizer {
  typename V::Float scale, inverse, low, high, near_tie;
  typename V::Int zero_point;

  explicit Quantizer(const Quantization& q)
      : scale(V::fill(q.scale)), inverse(V::fill(1.0f / q.scale)),
        low(V::fill(static_cast<float>(-q.zero_point))),
        high(V::fill(static_cast<float>(q.top - q.zero_point))),
        // Where 1 / scale is not a normal number, always divide.
        near_tie(V::fill(q.scale > 1e-30f && q.scale < 1e30f ? 0.5f - 1.0f / 16384 : -1.0f)),
        zero_point(V::fill_int(q.zero_point)) {}

  typename V::Int clamped(typename V::Float steps) const {
    return V::add_int(V::rounded(V::min(V::max(steps, low), high)), zero_point);
  }

  // Bytes c of the result are of x[c], for kChannels vectors.
  template <int kChannels>
  typename V::Int joined(const typename V::Float* x) const {
    typename V::Float steps[kChannels], distance = V::zero();
#pragma GCC unroll 4
    for (int c = 0; c < kChannels; ++c) {
      steps[c] = V::mul(x[c], inverse);
      distance = V::max(V::tie_distance(steps[c]), distance);  // NaN is none
    }
    if (__builtin_expect(V::any_at_least(distance, near_tie), 0)) {
#pragma GCC unroll 4
      for (int c = 0; c < kChannels; ++c) steps[c] = V::div(x[c], scale);
    }
    auto result = clamped(steps[0]);
#pragma GCC unroll 4
    for (int c = 1; c < kChannels; ++c) {
      result = V::or_int(result, V::shifted(clamped(steps[c]), 8 * c));
    }
    return result;
  }
};

template <class V>
typename V::Float load_some(const float* p, int count) {
  return count >= V::kLanes ? V::load(p) : V::load(p, V::first(count));
}

template <class V>
void quantize_channels(const float* const channels[4], int count, const Quantization& q, Int8x4* out) {
  const Quantizer<V> quantizer(q);
  const auto there = V::int_of_bytes(channels[0] ? 255 : 0, channels[1] ? 255 : 0, channels[2] ? 255 : 0,
                                     channels[3] ? 255 : 0);
  const float* from[4];
  for (int c = 0; c < 4; ++c) from[c] = channels[c] ? channels[c] : channels[0];
  if (from[0] == nullptr) {
    for (int i = 0; i < count; ++i) out[i] = 0;
    return;
  }
  for (int i = 0; i < count; i += V::kLanes) {
    typename V::Float x[4];
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) x[c] = load_some<V>(from[c] + i, count - i);
    V::store_some(out + i, V::and_int(quantizer.template joined<4>(x), there), count - i);
  }
}

template <class V>
void quantize_vector(const float* x, int count, const Quantization& q, std::uint8_t* out) {
  const Quantizer<V> quantizer(q);
  for (int i = 0; i < count; i += V::kLanes) {
    const typename V::Float value[1] = {load_some<V>(x + i, count - i)};
    V::store_bytes(out + i, quantizer.template joined<1>(value), count - i);
  }
}

template <class V>
void range(const float* x, std::size_t count, float* low, float* high) {
  constexpr int kChains = 4;
  typename V::Float least[kChains], most[kChains];
  for (int v = 0; v < kChains; ++v) {
    least[v] = V::fill(*low);
    most[v] = V::fill(*high);
  }
  std::size_t i = 0;
  for (; i + kChains * V::kLanes <= count; i += kChains * V::kLanes) {
#pragma GCC unroll 4
    for (int v = 0; v < kChains; ++v) {
      const auto value = V::load(x + i + v * V::kLanes);
      least[v] = V::min(value, least[v]);  // NaN is passed over
      most[v] = V::max(value, most[v]);
    }
  }
  for (int v = 1; v < kChains; ++v) {
    least[0] = V::min(least[v], least[0]);
    most[0] = V::max(most[v], most[0]);
  }
  float lanes[2][V::kLanes];
  V::store(lanes[0], least[0]);
  V::store(lanes[1], most[0]);
  for (int lane = 0; lane < V::kLanes; ++lane) {
    *low = lanes[0][lane] < *low ? lanes[0][lane] : *low;
    *high = lanes[1][lane] > *high ? lanes[1][lane] : *high;
  }
  for (; i < count; ++i) {
    *low = x[i] < *low ? x[i] : *low;
    *high = x[i] > *high ? x[i] : *high;
  }
}

}  // namespace
}  // namespace featherweight::kernels
