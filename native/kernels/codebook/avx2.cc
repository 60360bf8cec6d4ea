#include "kernels/codebook/look_up.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {
namespace {

struct V : Avx2 {
  struct Table {
    __m256 first, second;  // entries 0 ... 7 and 8 ... 15
  };
  static Table load_table(const float* codebook) { return {load(codebook), load(codebook + 8)}; }
  static __m256i widen_bytes(const std::uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  // vpermps looks at the lowest three bits; the fourth, as a sign, chooses between the two.
  static Float look(const Table& table, __m256i index, __m256i fourth_as_sign) {
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(table.first, index),
                            _mm256_permutevar8x32_ps(table.second, index), _mm256_castsi256_ps(fourth_as_sign));
  }
  static Float low_half(const Table& table, __m256i bytes) {
    return look(table, bytes, _mm256_slli_epi32(bytes, 28));
  }
  static Float high_half(const Table& table, __m256i bytes) {
    return look(table, _mm256_srli_epi32(bytes, 4), _mm256_slli_epi32(bytes, 24));
  }
  static Float gather(const float* codebook, __m256i codes) { return _mm256_i32gather_ps(codebook, codes, 4); }

  // Column i of the four rows to out[i * stride], `wide` of them (2 or 4).
  static void store_turned(const Float* rows, int count, int wide, float* out, int stride) {
    const Float a = _mm256_unpacklo_ps(rows[0], rows[1]), b = _mm256_unpackhi_ps(rows[0], rows[1]);
    const Float c = _mm256_unpacklo_ps(rows[2], rows[3]), d = _mm256_unpackhi_ps(rows[2], rows[3]);
    alignas(32) float turned[4][kLanes];  // [i % 4][i / 4 * 4 + row]
    store(turned[0], _mm256_shuffle_ps(a, c, 0x44));
    store(turned[1], _mm256_shuffle_ps(a, c, 0xee));
    store(turned[2], _mm256_shuffle_ps(b, d, 0x44));
    store(turned[3], _mm256_shuffle_ps(b, d, 0xee));
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

// Sums of 32 products in eight int32: 7-bit inputs keep vpmaddubsw exact (int8/README.md).
inline __m256i products(const std::uint8_t* x, __m256i weights) {
  const __m256i inputs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  return _mm256_madd_epi16(_mm256_maddubs_epi16(inputs, weights), _mm256_set1_epi16(1));
}

// Eight int32 in four int64.
inline __m256i widened(__m256i a) {
  return _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(a)),
                          _mm256_cvtepi32_epi64(_mm256_extracti128_si256(a, 1)));
}

struct WordTables {
  __m256i low, high;
  explicit WordTables(const std::uint8_t* whole)
      : low(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(whole)))),
        high(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(whole + 16)))) {}
};

// 16 values of each of the lanes' codes and their products with x, in eight int32.
inline __m256i word_products(const WordTables& tables, __m256i codes, const std::int16_t* x) {
  const __m256i low = _mm256_shuffle_epi8(tables.low, codes), high = _mm256_shuffle_epi8(tables.high, codes);
  const auto* const at = reinterpret_cast<const __m256i*>(x);
  return _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi8(low, high), _mm256_loadu_si256(at)),
                          _mm256_madd_epi16(_mm256_unpackhi_epi8(low, high), _mm256_loadu_si256(at + 1)));
}

struct Sums {
  // 64 codes a step, half of the 128 that x is arranged by.
  template <int kRows>
  static void add_bytes(const Codes& codes, const std::uint8_t* x, Streams<kRows> rows, std::int32_t (&sums)[kRows]) {
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes.whole)));
    const __m256i low_half = _mm256_set1_epi8(15);
    const std::uint8_t* const at = codes.packed + rows.row * codes.row_bytes;
    const std::ptrdiff_t apart = rows.apart * codes.row_bytes;
    __m256i acc[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) acc[r] = _mm256_setzero_si256();
    for (std::ptrdiff_t i = 0; i < codes.row_bytes; i += 32) {  // x is 0 beyond the row
      const std::uint8_t* const inputs = x + i / 64 * 128 + i % 64;
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const std::uint8_t* const from = at + r * apart + i;
        fetch_ahead(from);
        const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
        const __m256i low = _mm256_and_si256(both, low_half);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_half);
        acc[r] = _mm256_add_epi32(acc[r], products(inputs, _mm256_shuffle_epi8(table, low)));
        acc[r] = _mm256_add_epi32(acc[r], products(inputs + 64, _mm256_shuffle_epi8(table, high)));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      alignas(32) std::int32_t lanes[8];
      _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), acc[r]);
      sums[r] = 0;
      for (const std::int32_t lane : lanes) sums[r] += lane;
    }
  }

  // Exact sums, 64 codes (two blocks) a step: two vpshufb look up the low and the high bytes of values.
  template <int kRows>
  static void add_words(const Codes& codes, const std::int16_t* x, Streams<kRows> rows, std::int64_t (&sums)[kRows]) {
    const WordTables tables(codes.whole);
    const __m256i half = _mm256_set1_epi8(15);
    const int steps = (codes.depth + 63) / 64;  // x is 0 beyond the row
    const std::uint8_t* at = codes.packed + rows.row * codes.row_bytes;
    const std::ptrdiff_t apart = rows.apart * codes.row_bytes;
    __m256i total[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) total[r] = _mm256_setzero_si256();
    for (int step = 0; step < steps;) {
      const int end = steps - step < kMostProducts / 8 ? steps : step + kMostProducts / 8;
      __m256i sum[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) sum[r] = _mm256_setzero_si256();
      for (; step < end; ++step, at += 32, x += 64) {
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const std::uint8_t* const from = at + r * apart;
          fetch_ahead(from);
          const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
          const __m256i low = _mm256_and_si256(both, half);
          const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), half);
          sum[r] = _mm256_add_epi32(sum[r], word_products(tables, low, x));
          sum[r] = _mm256_add_epi32(sum[r], word_products(tables, high, x + 32));
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) total[r] = _mm256_add_epi64(total[r], widened(sum[r]));
    }
    for (int r = 0; r < kRows; ++r) {
      alignas(32) std::int64_t lanes[4];
      _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), total[r]);
      sums[r] = lanes[0] + lanes[1] + lanes[2] + lanes[3];
    }
  }
};

}  // namespace

const CodebookKernels kCodebookAvx2{multiply_vector<V>, multiply_bytes<V, Sums>, multiply_words<V, Sums>, expand<V>};

}  // namespace featherweight::kernels
