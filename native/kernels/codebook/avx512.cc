#include "kernels/codebook/look_up.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {
namespace {

struct V : Avx512 {
  using Table = __m512;
  static Table load_table(const float* codebook) { return load(codebook); }
  static __m512i widen_bytes(const std::uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // vpermps looks at the lowest four bits only.
  static Float low_half(Table table, __m512i bytes) { return _mm512_permutexvar_ps(bytes, table); }
  static Float high_half(Table table, __m512i bytes) {
    return _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), table);
  }
  static Float gather(const float* codebook, __m512i codes) { return _mm512_i32gather_ps(codes, codebook, 4); }

  // Column i of the four rows to out[i * stride], `wide` of them (2 or 4).
  static void store_turned(const Float* rows, int count, int wide, float* out, int stride) {
    const Float a = _mm512_unpacklo_ps(rows[0], rows[1]), b = _mm512_unpackhi_ps(rows[0], rows[1]);
    const Float c = _mm512_unpacklo_ps(rows[2], rows[3]), d = _mm512_unpackhi_ps(rows[2], rows[3]);
    const auto join = [](Float low, Float high, bool is_high) {
      const __m512d l = _mm512_castps_pd(low), h = _mm512_castps_pd(high);
      return _mm512_castpd_ps(is_high ? _mm512_unpackhi_pd(l, h) : _mm512_unpacklo_pd(l, h));
    };
    alignas(64) float turned[4][kLanes];  // [i % 4][i / 4 * 4 + row]
    store(turned[0], join(a, c, false));
    store(turned[1], join(a, c, true));
    store(turned[2], join(b, d, false));
    store(turned[3], join(b, d, true));
    for (int i = 0; i < count; ++i, out += stride) {
      const float* const from = turned[i % 4] + i / 4 * 4;
      if (wide == 4) {
        _mm_storeu_ps(out, _mm_load_ps(from));
      } else {
        _mm_storel_pi(reinterpret_cast<__m64*>(out), _mm_load_ps(from));
      }
    }
  }
};

// 128 codes a step: bytes of the quantized codebook by vpshufb, products by vpdpbusd.
void multiply_bytes(const Codes& codes, const std::uint8_t* x, const Quantization& q, float* y,
                    const Epilogue& e, Range rows) {
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes.whole)));
  const __m512i low_half = _mm512_set1_epi8(15);
  for (int row = rows.begin; row < rows.end; ++row) {
    const std::uint8_t* const at = codes.packed + row * codes.row_bytes;
    __m512i low_sum = _mm512_setzero_si512(), high_sum = low_sum;
    for (std::ptrdiff_t i = 0; i < codes.row_bytes; i += 64) {  // x is 0 beyond the row
      const __m512i both = _mm512_loadu_si512(at + i);
      const __m512i low = _mm512_and_si512(both, low_half);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(both, 4), low_half);
      low_sum = _mm512_dpbusd_epi32(low_sum, _mm512_loadu_si512(x + 2 * i), _mm512_shuffle_epi8(table, low));
      high_sum =
          _mm512_dpbusd_epi32(high_sum, _mm512_loadu_si512(x + 2 * i + 64), _mm512_shuffle_epi8(table, high));
    }
    const std::int32_t sum =
        _mm512_reduce_add_epi32(_mm512_add_epi32(low_sum, high_sum)) - q.zero_point * codes.row_sum[row];
    store_one<V>(static_cast<float>(sum) * (codes.step * q.scale), row, y, e);
  }
}

}  // namespace

// Wider words would not be faster: 512 bits are two halves on many machines, and the bytes are there.
const CodebookKernels kCodebookAvx512{multiply_vector<V>, multiply_bytes, multiply_words_avx2, expand<V>};

}  // namespace featherweight::kernels
