// Sixteen floats (AVX-512 F, BW, DQ, VL). See vec_avx2.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace featherweight::kernels {
namespace {

struct Avx512 {
  using Float = __m512;
  using Mask = __mmask16;
  static constexpr int kLanes = 16;
  static constexpr bool kMasksCost = false;

  static Float zero() { return _mm512_setzero_ps(); }
  static Float fill(float value) { return _mm512_set1_ps(value); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  // The compiler must not load it once more for its next use.
  static Float loaded(Float value) {
    asm("" : "+v"(value));
    return value;
  }
  static void store(float* p, Float value) { _mm512_storeu_ps(p, value); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float max(Float a, Float b) { return _mm512_max_ps(a, b); }

  static Float sqrt(Float a) { return _mm512_sqrt_ps(a); }
  static Float abs(Float a) { return _mm512_abs_ps(a); }
  static Float round(Float a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
  // a * 2^n, n whole.
  static Float scale2(Float a, Float n) { return _mm512_scalef_ps(a, n); }
  // `then` in the lanes where a < b, else `other`.
  static Float where_less(Float a, Float b, Float then, Float other) {
    return _mm512_mask_mov_ps(other, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), then);
  }
  // `then` in the lanes where x is NaN, else `other`.
  static Float where_nan(Float x, Float then, Float other) {
    return _mm512_mask_mov_ps(other, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), then);
  }

  // Lanes 0, 2, 4 ... of a, then those of b.
  static Float even(Float a, Float b) {
    const __m512i at = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, at, b);
  }

  // Lanes 1, 3, 5 ... of a, then those of b.
  static Float odd(Float a, Float b) {
    const __m512i at = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(a, at, b);
  }

  // Lane i of register j becomes lane j of register i.
  static void transpose(Float (&r)[16]) {
    Float t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      r[i] = shuffle<0x00>(t[i], t[i + 2]);
      r[i + 1] = shuffle<0xff>(t[i], t[i + 2]);
      r[i + 2] = shuffle<0x00>(t[i + 1], t[i + 3]);
      r[i + 3] = shuffle<0xff>(t[i + 1], t[i + 3]);
    }
    // r[4 g + i] now holds lanes i, i + 4, i + 8 and i + 12 of registers 4 g ... 4 g + 3.
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
      t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
      t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
      t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
      r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
      r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
      r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
    }
  }
  template <int kHow>
  static Float shuffle(Float a, Float b) {
    return _mm512_castpd_ps(_mm512_shuffle_pd(_mm512_castps_pd(a), _mm512_castps_pd(b), kHow));
  }

  static Mask first(int count) { return static_cast<Mask>((1u << count) - 1u); }
  // Lanes `from` ... `to` - 1.
  static Mask between(int from, int to) { return static_cast<Mask>(first(to) & ~first(from)); }
  static Float load(const float* p, Mask mask) { return _mm512_maskz_loadu_ps(mask, p); }
  static void store_first(float* p, int count, Float value) { _mm512_mask_storeu_ps(p, first(count), value); }
};

}  // namespace
}  // namespace featherweight::kernels
