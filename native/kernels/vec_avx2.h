// Eight floats (AVX2 + FMA). Kernels that are the same for every vector width are templates over such
// a struct. Only files compiled with -mavx2 -mfma include this one.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace featherweight::kernels {
namespace {  // every file compiles its own copy with its own flags

struct Avx2 {
  using Float = __m256;
  using Mask = __m256i;
  static constexpr int kLanes = 8;
  static constexpr bool kMasksCost = true;  // to load and store by a mask

  static Float zero() { return _mm256_setzero_ps(); }
  static Float fill(float value) { return _mm256_set1_ps(value); }
  static Float load(const float* p) { return _mm256_loadu_ps(p); }
  // The compiler must not load it once more for its next use.
  static Float loaded(Float value) {
    asm("" : "+x"(value));
    return value;
  }
  static void store(float* p, Float value) { _mm256_storeu_ps(p, value); }
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float div(Float a, Float b) { return _mm256_div_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  static Float min(Float a, Float b) { return _mm256_min_ps(a, b); }  // b where either is NaN
  static Float max(Float a, Float b) { return _mm256_max_ps(a, b); }

  static Float sqrt(Float a) { return _mm256_sqrt_ps(a); }
  static Float abs(Float a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static Float round(Float a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // a * 2^n, n whole and within [-252, 254]: in two steps, so that results below 2^-126 are right.
  static Float scale2(Float a, Float n) {
    const __m256i all = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(all, 1);
    return _mm256_mul_ps(_mm256_mul_ps(a, power(half)), power(_mm256_sub_epi32(all, half)));
  }
  static Float power(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }
  // `then` in the lanes where a < b, else `other`.
  static Float where_less(Float a, Float b, Float then, Float other) {
    return _mm256_blendv_ps(other, then, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  // `then` in the lanes where x is NaN, else `other`.
  static Float where_nan(Float x, Float then, Float other) {
    return _mm256_blendv_ps(other, then, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  }

  // Lanes 0, 2, 4 ... of a, then those of b.
  static Float even(Float a, Float b) {
    const __m256d halves = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(halves, 0xd8));
  }

  // Lanes 1, 3, 5 ... of a, then those of b.
  static Float odd(Float a, Float b) {
    const __m256d halves = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(halves, 0xd8));
  }

  // Lane i of register j becomes lane j of register i.
  static void transpose(Float (&r)[8]) {
    Float t[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
      r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
      r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
      r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
      t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) r[i] = t[i];
  }

  // The first `count` lanes.
  static Mask first(int count) {
    alignas(32) static const std::int32_t kOnes[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kOnes + 8 - count));
  }
  // Lanes `from` ... `to` - 1.
  static Mask between(int from, int to) { return _mm256_andnot_si256(first(from), first(to)); }
  static Float load(const float* p, Mask mask) { return _mm256_maskload_ps(p, mask); }
  // The first `count` lanes; a masked store would cost some twenty cycles (AMD).
  static void store_first(float* p, int count, Float value) {
    if (count >= 8) return store(p, value);
    __m128 rest = _mm256_castps256_ps128(value);
    if (count & 4) {
      _mm_storeu_ps(p, rest);
      rest = _mm256_extractf128_ps(value, 1);
      p += 4;
    }
    if (count & 2) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
      rest = _mm_movehl_ps(rest, rest);
      p += 2;
    }
    if (count & 1) _mm_store_ss(p, rest);
  }
};

}  // namespace
}  // namespace featherweight::kernels
