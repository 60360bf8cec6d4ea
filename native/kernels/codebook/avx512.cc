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

// Sixteen int32 in eight int64.
__m512i widened(__m512i a) {
  return _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(a)),
                          _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(a, 1)));
}

struct Sums {
  // 128 codes a step: bytes of the quantized codebook by vpshufb, products by vpdpbusd.
  template <int kRows>
  static void add_bytes(const Codes& codes, const std::uint8_t* x, Streams<kRows> rows, std::int32_t (&sums)[kRows]) {
    const __m512i table =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes.whole)));
    const __m512i low_half = _mm512_set1_epi8(15);
    const std::uint8_t* const at = codes.packed + rows.row * codes.row_bytes;
    const std::ptrdiff_t apart = rows.apart * codes.row_bytes;
    __m512i low_sum[kRows], high_sum[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) low_sum[r] = high_sum[r] = _mm512_setzero_si512();
    for (std::ptrdiff_t i = 0; i < codes.row_bytes; i += 64) {  // x is 0 beyond the row
      const __m512i x_low = _mm512_loadu_si512(x + 2 * i), x_high = _mm512_loadu_si512(x + 2 * i + 64);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const std::uint8_t* const from = at + r * apart + i;
        fetch_ahead(from);
        const __m512i both = _mm512_loadu_si512(from);
        const __m512i low = _mm512_and_si512(both, low_half);
        const __m512i high = _mm512_and_si512(_mm512_srli_epi16(both, 4), low_half);
        low_sum[r] = _mm512_dpbusd_epi32(low_sum[r], x_low, _mm512_shuffle_epi8(table, low));
        high_sum[r] = _mm512_dpbusd_epi32(high_sum[r], x_high, _mm512_shuffle_epi8(table, high));
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) sums[r] = _mm512_reduce_add_epi32(_mm512_add_epi32(low_sum[r], high_sum[r]));
  }

  // 64 codes (two blocks) a step: words of the quantized codebook by vpermw, products by vpdpwssd.
  template <int kRows>
  static void add_words(const Codes& codes, const std::int16_t* x, Streams<kRows> rows, std::int64_t (&sums)[kRows]) {
    // vpermw looks at the lowest five bits: the table repeats, so that the fifth, of the other half, does not matter.
    alignas(64) std::int16_t words[32];
    for (int i = 0; i < 32; ++i) words[i] = static_cast<std::int16_t>(codes.whole[i % 16] | codes.whole[16 + i % 16] << 8);
    const __m512i table = _mm512_load_si512(words);
    // Bytes as `arranged_words` lays x out, each in a word: eight of one block, the same eight of the next.
    alignas(64) std::uint8_t order[64];
    for (int i = 0; i < 64; ++i) order[i] = static_cast<std::uint8_t>(i / 32 * 8 + i / 16 % 2 * 16 + i / 2 % 8);
    const __m512i spread = _mm512_load_si512(order);
    const int steps = (codes.depth + 63) / 64;  // x is 0 beyond the row
    const std::uint8_t* at = codes.packed + rows.row * codes.row_bytes;
    const std::ptrdiff_t apart = rows.apart * codes.row_bytes;
    __m512i total[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) total[r] = _mm512_setzero_si512();
    for (int step = 0; step < steps;) {
      const int end = steps - step < kMostProducts / 4 ? steps : step + kMostProducts / 4;
      __m512i sum[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) sum[r] = _mm512_setzero_si512();
      for (; step < end; ++step, at += 32, x += 64) {
        const __m512i x_low = _mm512_loadu_si512(x), x_high = _mm512_loadu_si512(x + 32);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const std::uint8_t* const from = at + r * apart;
          fetch_ahead(from);
          const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
          const __m512i low =
              _mm512_maskz_permutexvar_epi8(0x5555555555555555, spread, _mm512_castsi256_si512(both));
          const __m512i high = _mm512_srli_epi16(low, 4);
          sum[r] = _mm512_dpwssd_epi32(sum[r], x_low, _mm512_permutexvar_epi16(low, table));
          sum[r] = _mm512_dpwssd_epi32(sum[r], x_high, _mm512_permutexvar_epi16(high, table));
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) total[r] = _mm512_add_epi64(total[r], widened(sum[r]));
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) sums[r] = _mm512_reduce_add_epi64(total[r]);
  }
};

}  // namespace

const CodebookKernels kCodebookAvx512{multiply_vector<V>, multiply_bytes<V, Sums>, multiply_words<V, Sums>, expand<V>};

}  // namespace featherweight::kernels
