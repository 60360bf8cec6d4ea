// x to 8-bit integers, for vectors of float32; scalar.cc has the specification.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/finish_vector.h"

namespace featherweight::kernels {
namespace {

// Bits of non-negative floats compare as the floats do; those of NaN are above all.
inline std::uint32_t largest_bits(const float* x, int depth) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i most = _mm256_setzero_si256();
  int i = 0;
  for (; i + 8 <= depth; i += 8) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    most = _mm256_max_epu32(most, _mm256_and_si256(bits, magnitude));
  }
  alignas(32) std::uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most);
  std::uint32_t largest = 0;
  for (const std::uint32_t lane : lanes) largest = lane > largest ? lane : largest;
  for (; i < depth; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, x + i, 4);
    bits &= 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

inline __m128i eight_words(const float* x, __m256 inverse) {
  const __m256i q = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
  return _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
}

float quantize(const float* x, int depth, int padded, std::int8_t* q) {
  constexpr std::uint32_t kInfinity = 0x7f800000;
  const std::uint32_t bits = largest_bits(x, depth);
  float largest;
  __builtin_memcpy(&largest, &bits, 4);
  const float inverse = 127.0f / largest;
  const bool finite = bits < kInfinity;
  int i = 0;
  if (finite && inverse <= __FLT_MAX__) {
    const __m256 factor = _mm256_set1_ps(inverse);
    for (; i + 16 <= depth; i += 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i),
                       _mm_packs_epi16(eight_words(x + i, factor), eight_words(x + i + 8, factor)));
    }
    for (; i < depth; ++i) q[i] = static_cast<std::int8_t>(_mm_cvtss_si32(_mm_set_ss(x[i] * inverse)));
  }
  const bool nothing = i == 0;
  for (; i < padded; ++i) q[i] = 0;
  return !finite ? __builtin_nanf("") : nothing ? 0.0f : largest / 127.0f;
}

template <class V>
void store(const float* sums, Range rows, float* y, const Epilogue& epilogue) {
  store_rows<V>(sums - rows.begin, rows, y, epilogue);
}

}  // namespace
}  // namespace featherweight::kernels
