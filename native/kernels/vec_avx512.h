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

  static Float zero() { return _mm512_setzero_ps(); }
  static Float fill(float value) { return _mm512_set1_ps(value); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Float value) { _mm512_storeu_ps(p, value); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float max(Float a, Float b) { return _mm512_max_ps(a, b); }

  static Mask first(int count) { return static_cast<Mask>((1u << count) - 1u); }
  static Float load(const float* p, Mask mask) { return _mm512_maskz_loadu_ps(mask, p); }
  static void store(float* p, Mask mask, Float value) { _mm512_mask_storeu_ps(p, mask, value); }
};

}  // namespace
}  // namespace featherweight::kernels
