// Codes to floats: sixteen at a time, or 64 where the codebook is large (AVX-512 VBMI).
#pragma once

#include "kernels/row_blocks/codes_avx2.h"

namespace featherweight::kernels {
namespace {

struct CodesAvx512 {
  static constexpr int kSmallCodebook = 32;
  static constexpr bool kFastLargeCodebook = true;
  static constexpr bool kAddsEightRows = false;

  __m512 low, high;
  explicit CodesAvx512(const RowBlocksView& w)
      : low(_mm512_loadu_ps(w.codebook)), high(_mm512_loadu_ps(w.codebook + 16)) {}

  void sixteen(__m128i codes, float* out) const {
    _mm512_storeu_ps(out, _mm512_permutex2var_ps(low, _mm512_cvtepu8_epi32(codes), high));
  }

  // A float's four bytes are looked up in four tables of 256 bytes, 64 codes at a time; then the four
  // are put together. Writes up to 63 floats beyond `count`.
  static void many(const RowBlocksView& w, const std::uint8_t* codes, int count, float* out) {
    __m512i table[4][4];
    for (int byte = 0; byte < 4; ++byte) {
      for (int part = 0; part < 4; ++part) {
        table[byte][part] = _mm512_loadu_si512(w.codebook_bytes + byte * 256 + part * 64);
      }
    }
    for (int i = 0; i < count; i += 64) {
      const __m512i code = _mm512_loadu_si512(codes + i);
      const __mmask64 upper = _mm512_movepi8_mask(code);
      __m512i found[4];
#pragma GCC unroll 4
      for (int byte = 0; byte < 4; ++byte) {
        const __m512i* const t = table[byte];
        found[byte] = _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(t[0], code, t[1]), upper,
                                           _mm512_permutex2var_epi8(t[2], code, t[3]));
      }
      put_together(found, out + i);
    }
  }

 private:
  static void put_together(const __m512i* byte, float* out) {
    const __m512i a = _mm512_unpacklo_epi8(byte[0], byte[1]), b = _mm512_unpackhi_epi8(byte[0], byte[1]);
    const __m512i c = _mm512_unpacklo_epi8(byte[2], byte[3]), d = _mm512_unpackhi_epi8(byte[2], byte[3]);
    // Lane l of the four holds floats 16 l + 0 ... 3, + 4 ... 7, + 8 ... 11, + 12 ... 15.
    const __m512i p = _mm512_unpacklo_epi16(a, c), q = _mm512_unpackhi_epi16(a, c);
    const __m512i r = _mm512_unpacklo_epi16(b, d), s = _mm512_unpackhi_epi16(b, d);
    const __m512i pq_low = _mm512_shuffle_i32x4(p, q, 0x44), pq_high = _mm512_shuffle_i32x4(p, q, 0xee);
    const __m512i rs_low = _mm512_shuffle_i32x4(r, s, 0x44), rs_high = _mm512_shuffle_i32x4(r, s, 0xee);
    _mm512_storeu_si512(out, _mm512_shuffle_i32x4(pq_low, rs_low, 0x88));
    _mm512_storeu_si512(out + 16, _mm512_shuffle_i32x4(pq_low, rs_low, 0xdd));
    _mm512_storeu_si512(out + 32, _mm512_shuffle_i32x4(pq_high, rs_high, 0x88));
    _mm512_storeu_si512(out + 48, _mm512_shuffle_i32x4(pq_high, rs_high, 0xdd));
  }
};

}  // namespace
}  // namespace featherweight::kernels
