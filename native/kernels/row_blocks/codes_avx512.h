// Codes to floats, sixteen at a time.
#pragma once

#include "kernels/row_blocks/codes_avx2.h"

namespace featherweight::kernels {
namespace {

struct CodesAvx512 {
  static constexpr int kSmallCodebook = 32;

  __m512 low, high;
  explicit CodesAvx512(const float* codebook)
      : low(_mm512_loadu_ps(codebook)), high(_mm512_loadu_ps(codebook + 16)) {}

  void sixteen(__m128i codes, float* out) const {
    _mm512_storeu_ps(out, _mm512_permutex2var_ps(low, _mm512_cvtepu8_epi32(codes), high));
  }
};

}  // namespace
}  // namespace featherweight::kernels
