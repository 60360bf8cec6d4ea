// Float32 to 8 bits, for every vector width. Included by files of one instruction set only.
#pragma once

#include <cmath>

#include "kernels/int8/int8.h"

namespace featherweight::kernels {
namespace {

// The specification.
inline std::uint32_t quantized(float x, const Quantization& q) {
  const float low = static_cast<float>(-q.zero_point), high = static_cast<float>(q.top - q.zero_point);
  float steps = x / q.scale;
  steps = steps > low ? steps : low;  // NaN becomes the lowest
  steps = steps < high ? steps : high;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(std::nearbyint(steps)) + q.zero_point);
}

// x / scale is what the specification rounds. A product with 1 / scale is within 2^-15 of it (for
// |x / scale| < 256), so the two round alike but where the product lies within 2^-14 of a tie: only
// there is it divided.
template <class V>
struct Quantizer {
  typename V::Float scale, inverse, high, near_tie;
  typename V::Int zero_point, lowest, zero_words;

  explicit Quantizer(const Quantization& q)
      : scale(V::fill(q.scale)), inverse(V::fill(1.0f / q.scale)),
        high(V::fill(static_cast<float>(q.top - q.zero_point))),
        // Where 1 / scale is not a normal number, always divide.
        near_tie(V::fill(q.scale > 1e-30f && q.scale < 1e30f ? 0.5f - 1.0f / 16384 : -1.0f)),
        zero_point(V::fill_int(q.zero_point)), lowest(V::fill_int(-q.zero_point)),
        zero_words(V::fill_int(q.zero_point * 0x00010001)) {}

  // x / scale, rounded, and not over the highest; NaN and what is far below 0 become the least integer.
  template <int kVectors>
  void steps_of(const typename V::Float* x, typename V::Int* rounded) const {
    typename V::Float steps[kVectors], distance = V::zero();
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      steps[v] = V::mul(x[v], inverse);
      distance = V::tie_distance(steps[v], distance);
    }
    if (__builtin_expect(V::any_at_least(distance, near_tie), 0)) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) steps[v] = V::div(x[v], scale);
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) rounded[v] = V::rounded(V::min(high, steps[v]));
  }

  // Byte c of an element of the result is of x[c].
  typename V::Int elements(const typename V::Float x[4]) const {
    typename V::Int steps[4];
    steps_of<4>(x, steps);
    const auto first = V::add_words(V::join_ints(steps[0], steps[1]), zero_words);
    const auto second = V::add_words(V::join_ints(steps[2], steps[3]), zero_words);
    return V::turned_bytes(V::join_words(first, second));
  }

  // An integer of 0 ... 255 for each number.
  typename V::Int integers(typename V::Float x) const {
    typename V::Int steps;
    steps_of<1>(&x, &steps);
    return V::add_int(V::max_int(steps, lowest), zero_point);
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
    V::store_some(out + i, V::and_int(quantizer.elements(x), there), count - i);
  }
}

template <class V>
void quantize_vector(const float* x, int count, const Quantization& q, std::uint8_t* out) {
  const Quantizer<V> quantizer(q);
  for (int i = 0; i < count; i += V::kLanes) {
    V::store_bytes(out + i, quantizer.integers(load_some<V>(x + i, count - i)), count - i);
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
