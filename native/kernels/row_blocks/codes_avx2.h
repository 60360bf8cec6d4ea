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
  static constexpr bool kAddsEightRows = true;

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

  // sums[0 ... 7] += blocks of eight rows in codes of 4 bits times their elements of x. Four blocks are 16 bytes: a
  // shuffle a byte of the floats looks them up, and what is put together holds the even rows of a block, then the odd.
  template <class Index>
  static void add_eight_rows(const RowBlocksView& w, const std::uint8_t* codes, const Index* index, int blocks,
                             const float* x, float* sums) {
    __m256i table[4];
#pragma GCC unroll 4
    for (int byte = 0; byte < 4; ++byte) {
      table[byte] = _mm256_broadcastsi128_si256(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(w.codebook_bytes + byte * 256)));
    }
    const __m256i evens_first = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m256i evens_back = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256 none = _mm256_setzero_ps();
    __m256 acc[4] = {_mm256_permutevar8x32_ps(_mm256_loadu_ps(sums), evens_first), none, none, none};
    for (int i = 0; i < blocks; i += 4, codes += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
      const __m256i code = _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes), _mm256_set1_epi8(15));
      __m256i found[4];
#pragma GCC unroll 4
      for (int byte = 0; byte < 4; ++byte) found[byte] = _mm256_shuffle_epi8(table[byte], code);
      const __m256i a = _mm256_unpacklo_epi8(found[0], found[1]), b = _mm256_unpackhi_epi8(found[0], found[1]);
      const __m256i c = _mm256_unpacklo_epi8(found[2], found[3]), d = _mm256_unpackhi_epi8(found[2], found[3]);
      const __m256i weights[4] = {_mm256_unpacklo_epi16(a, c), _mm256_unpackhi_epi16(a, c),
                                  _mm256_unpacklo_epi16(b, d), _mm256_unpackhi_epi16(b, d)};
      const int used = blocks - i;
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        if (k >= used) break;
        acc[k] = _mm256_fmadd_ps(_mm256_castsi256_ps(weights[k]), _mm256_broadcast_ss(x + index[i + k]), acc[k]);
      }
    }
    const __m256 sum = _mm256_add_ps(_mm256_add_ps(acc[0], acc[1]), _mm256_add_ps(acc[2], acc[3]));
    _mm256_storeu_ps(sums, _mm256_permutevar8x32_ps(sum, evens_back));
  }
};

}  // namespace
}  // namespace featherweight::kernels
