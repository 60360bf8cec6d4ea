// Codes to floats, eight at a time.
#pragma once

#include <immintrin.h>

#include "kernels/row_blocks/row_blocks.h"

namespace featherweight::kernels {
namespace {

// Sixteen codes below 16 from eight bytes, the low half of a byte first.
inline __m128i unpack_halves(const std::uint8_t* codes) {
  const __m128i words = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)));
  return _mm_and_si128(_mm_or_si128(words, _mm_slli_epi16(words, 4)), _mm_set1_epi8(15));
}

struct CodesAvx2 {
  static constexpr int kSmallCodebook = 16;        // looked up within registers
  static constexpr bool kFastLargeCodebook = false;

  __m256 low, high;
  explicit CodesAvx2(const RowBlocksView& w)
      : low(_mm256_loadu_ps(w.codebook)), high(_mm256_loadu_ps(w.codebook + 8)) {}

  __m256 eight(__m256i code) const {
    const __m256 sign = _mm256_castsi256_ps(_mm256_slli_epi32(code, 28));  // of codes from 8 on
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, code), _mm256_permutevar8x32_ps(high, code), sign);
  }
  void sixteen(__m128i codes, float* out) const {
    _mm256_storeu_ps(out, eight(_mm256_cvtepu8_epi32(codes)));
    _mm256_storeu_ps(out + 8, eight(_mm256_cvtepu8_epi32(_mm_srli_si128(codes, 8))));
  }
  // Codes of large codebooks. A gather is no faster.
  static void many(const RowBlocksView& w, const std::uint8_t* codes, int count, float* out) {
    for (int i = 0; i < count; ++i) out[i] = w.codebook[codes[i]];
  }
};

}  // namespace
}  // namespace featherweight::kernels
