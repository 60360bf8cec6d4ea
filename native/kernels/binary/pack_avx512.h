// pack.h for AVX-512. Included by avx512.cc only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace featherweight::kernels {
namespace {

// kVectors vectors of 16 pixels, the last of them masked.
template <int kVectors>
void planes_to_words(const float* x, std::ptrdiff_t stride, int channels, __mmask16 last,
                     std::uint32_t* signs, float* magnitudes) {
  __m512i words[kVectors];
  __m512 sums[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    words[v] = _mm512_setzero_si512();
    sums[v] = _mm512_setzero_ps();
  }
  for (int c = 0; c < channels; ++c, x += stride) {
    const __m512i bit = _mm512_set1_epi32(static_cast<int>(1u << c));
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const __mmask16 mask = v == kVectors - 1 ? last : static_cast<__mmask16>(0xffff);
      const __m512 value = _mm512_maskz_loadu_ps(mask, x + v * 16);
      const __mmask16 negative = _mm512_cmp_ps_mask(value, _mm512_setzero_ps(), _CMP_LT_OQ);
      words[v] = _mm512_mask_or_epi32(words[v], negative, words[v], bit);
      if (magnitudes) sums[v] = _mm512_add_ps(sums[v], _mm512_abs_ps(value));
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const __mmask16 mask = v == kVectors - 1 ? last : static_cast<__mmask16>(0xffff);
    _mm512_mask_storeu_epi32(signs + v * 16, mask, words[v]);
    if (magnitudes) {
      const __m512 before = _mm512_maskz_loadu_ps(mask, magnitudes + v * 16);
      _mm512_mask_storeu_ps(magnitudes + v * 16, mask, _mm512_add_ps(before, sums[v]));
    }
  }
}

void planes_to_words(const float* x, std::ptrdiff_t stride, int channels, int count,
                     std::uint32_t* signs, float* magnitudes) {
  for (int i = 0; i < count;) {
    const int left = count - i, vectors = left >= 64 ? 4 : (left + 15) / 16;
    const int rest = left >= 64 ? 16 : left - (vectors - 1) * 16;
    const auto last = static_cast<__mmask16>((1u << rest) - 1u);
    float* const sums = magnitudes ? magnitudes + i : nullptr;
    if (vectors == 4) planes_to_words<4>(x + i, stride, channels, last, signs + i, sums);
    if (vectors == 3) planes_to_words<3>(x + i, stride, channels, last, signs + i, sums);
    if (vectors == 2) planes_to_words<2>(x + i, stride, channels, last, signs + i, sums);
    if (vectors == 1) planes_to_words<1>(x + i, stride, channels, last, signs + i, sums);
    i += vectors * 16;
  }
}

void vector_to_words(const float* x, int count, std::uint32_t* signs) {
  for (int first = 0; first < count; first += 32) {
    std::uint32_t word = 0;
    for (int half = 0; half < 2; ++half) {
      const int left = count - first - 16 * half, lanes = left > 16 ? 16 : left < 0 ? 0 : left;
      const __m512 value = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << lanes) - 1u), x + first + 16 * half);
      word |= static_cast<std::uint32_t>(_mm512_cmp_ps_mask(value, _mm512_setzero_ps(), _CMP_LT_OQ)) << (16 * half);
    }
    *signs++ = word;
  }
}

}  // namespace
}  // namespace featherweight::kernels
