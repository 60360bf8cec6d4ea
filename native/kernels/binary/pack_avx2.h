// pack.h for AVX2. Included by avx2.cc only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/vec_avx2.h"

namespace featherweight::kernels {
namespace {

// kVectors vectors of 8 pixels, `in_last` in the last of them. From the last channel to the first: a word
// doubles, and a comparison that holds, -1, is subtracted. The sums go in the channels' order.
template <int kVectors>
void planes_to_words(const float* x, std::ptrdiff_t stride, int channels, int in_last, std::uint32_t* signs,
                     float* magnitudes) {
  const __m256i last = Avx2::first(in_last);
  __m256i words[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) words[v] = _mm256_setzero_si256();
  const auto load = [&](const float* p, int v) {
    return v == kVectors - 1 ? Avx2::load(p + v * 8, last) : Avx2::load(p + v * 8);
  };
  const auto store = [&](float* p, int v, __m256 value) {
    Avx2::store_first(p + v * 8, v == kVectors - 1 ? in_last : 8, value);
  };
  for (int c = channels - 1; c >= 0; --c) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const __m256 negative = _mm256_cmp_ps(load(x + c * stride, v), _mm256_setzero_ps(), _CMP_LT_OQ);
      words[v] = _mm256_sub_epi32(_mm256_add_epi32(words[v], words[v]), _mm256_castps_si256(negative));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    store(reinterpret_cast<float*>(signs), v, _mm256_castsi256_ps(words[v]));
  }
  if (magnitudes == nullptr) return;
  const __m256 sign_bit = _mm256_set1_ps(-0.0f);
  for (int v = 0; v < kVectors; ++v) {
    __m256 sum = _mm256_setzero_ps();
    for (int c = 0; c < channels; ++c) sum = _mm256_add_ps(sum, _mm256_andnot_ps(sign_bit, load(x + c * stride, v)));
    store(magnitudes, v, _mm256_add_ps(load(magnitudes, v), sum));
  }
}

void planes_to_words(const float* x, std::ptrdiff_t stride, int channels, int count,
                     std::uint32_t* signs, float* magnitudes) {
  for (int i = 0; i < count;) {
    const int left = count - i, vectors = left >= 32 ? 4 : (left + 7) / 8;
    const int last = left >= 32 ? 8 : left - (vectors - 1) * 8;
    float* const sums = magnitudes ? magnitudes + i : nullptr;
    if (vectors == 4) planes_to_words<4>(x + i, stride, channels, last, signs + i, sums);
    if (vectors == 3) planes_to_words<3>(x + i, stride, channels, last, signs + i, sums);
    if (vectors == 2) planes_to_words<2>(x + i, stride, channels, last, signs + i, sums);
    if (vectors == 1) planes_to_words<1>(x + i, stride, channels, last, signs + i, sums);
    i += vectors * 8;
  }
}

void vector_to_words(const float* x, int count, std::uint32_t* signs) {
  for (int first = 0; first < count; first += 32) {
    std::uint32_t word = 0;
    for (int part = 0; part < 4; ++part) {
      const int left = count - first - 8 * part, lanes = left > 8 ? 8 : left < 0 ? 0 : left;
      const __m256 value = Avx2::load(x + first + 8 * part, Avx2::first(lanes));
      const __m256 negative = _mm256_cmp_ps(value, _mm256_setzero_ps(), _CMP_LT_OQ);
      word |= static_cast<std::uint32_t>(_mm256_movemask_ps(negative)) << (8 * part);
    }
    *signs++ = word;
  }
}

}  // namespace
}  // namespace featherweight::kernels
