// Without VNNI. Two ways, both exact: 16-bit products (vpmaddwd) of activations of 8 bits, and 8-bit
// products (vpmaddubsw) of activations of 7 bits, whose sums of two or four fit 16 bits (README.md).
#include "kernels/int8/int8.h"
#include "kernels/vec_avx2.h"
#include "kernels/int8/depthwise.h"
#include "kernels/int8/store.h"

namespace featherweight::kernels {
namespace {

struct Avx2Int : Avx2 {
  using Int = __m256i;
  static Int fill_int(std::int32_t value) { return _mm256_set1_epi32(value); }
  static Int load_int(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const Int*>(p)); }
  static Int add_int(Int a, Int b) { return _mm256_add_epi32(a, b); }
  static Int max_int(Int a, Int b) { return _mm256_max_epi32(a, b); }
  static Int and_int(Int a, Int b) { return _mm256_and_si256(a, b); }
  // By lanes of 128 bits, of integers to words and of words to bytes, those that do not fit the nearest that do.
  static Int join_ints(Int a, Int b) { return _mm256_packs_epi32(a, b); }
  static Int join_words(Int a, Int b) { return _mm256_packus_epi16(a, b); }
  static Int add_words(Int a, Int b) { return _mm256_adds_epi16(a, b); }
  static Int max_bytes(Int a, Int b) { return _mm256_max_epu8(a, b); }
  // Four by four bytes of each lane of 128 bits, rows and columns exchanged.
  static Int turned_bytes(Int a) {
    const __m128i turned = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm256_shuffle_epi8(a, _mm256_broadcastsi128_si256(turned));
  }
  static Int int_of_bytes(int a, int b, int c, int d) {
    return fill_int(static_cast<std::int32_t>(static_cast<unsigned>(a | b << 8 | c << 16) |
                                              static_cast<unsigned>(d) << 24));
  }
  static Float from_int(Int a) { return _mm256_cvtepi32_ps(a); }
  static Int rounded(Float a) { return _mm256_cvtps_epi32(a); }
  // How far from the nearest integer, or `least` where that is more; NaN is at none.
  static Float tie_distance(Float a, Float least) {
    const Float rest = _mm256_sub_ps(a, _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    return _mm256_max_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), rest), least);
  }
  static bool any_at_least(Float a, Float b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)) != 0; }
  static void store_int(std::int32_t* p, Int value) { _mm256_storeu_si256(reinterpret_cast<Int*>(p), value); }
  static Int load_some(const std::uint32_t* p, int count) {
    if (count >= kLanes) return _mm256_loadu_si256(reinterpret_cast<const Int*>(p));
    return _mm256_maskload_epi32(reinterpret_cast<const int*>(p), first(count));
  }
  static void store_some(std::uint32_t* p, Int value, int count) {
    if (count >= kLanes) return _mm256_storeu_si256(reinterpret_cast<Int*>(p), value);
    _mm256_maskstore_epi32(reinterpret_cast<int*>(p), first(count), value);
  }
  // The lower or upper halves of the 128-bit lanes of both, interleaved.
  static Int low_bytes(Int a, Int b) { return _mm256_unpacklo_epi8(a, b); }
  static Int high_bytes(Int a, Int b) { return _mm256_unpackhi_epi8(a, b); }
  static Int low_words(Int a, Int b) { return _mm256_unpacklo_epi16(a, b); }
  static Int high_words(Int a, Int b) { return _mm256_unpackhi_epi16(a, b); }
  static Int low_ints(Int a, Int b) { return _mm256_unpacklo_epi32(a, b); }
  static Int high_ints(Int a, Int b) { return _mm256_unpackhi_epi32(a, b); }
  static Int low_longs(Int a, Int b) { return _mm256_unpacklo_epi64(a, b); }
  static Int high_longs(Int a, Int b) { return _mm256_unpackhi_epi64(a, b); }
  // Four integers in each lane of 128 bits.
  static Int four_ints(const std::int32_t* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // Four weights of each of four channels: taps 0 and 2, and 1 and 3, in 16 bits each.
  struct FourTaps {
    Int even, odd;
    explicit FourTaps(const std::int8_t* w) {
      const __m128i even_first = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w));
      const Int wide = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(bytes, even_first));
      even = _mm256_permute2x128_si256(wide, wide, 0x00);
      odd = _mm256_permute2x128_si256(wide, wide, 0x11);
    }
    Int add_products(Int sum, Int bytes) const {
      const Int evens = _mm256_madd_epi16(_mm256_and_si256(bytes, _mm256_set1_epi16(255)), even);
      const Int odds = _mm256_madd_epi16(_mm256_srli_epi16(bytes, 8), odd);
      return _mm256_add_epi32(sum, _mm256_add_epi32(evens, odds));
    }
  };
  static void store_bytes(std::uint8_t* p, Int value, int count) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
    const std::int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
    __builtin_memcpy(p, &bytes, static_cast<std::size_t>(count < kLanes ? count : kLanes));
  }
};
using V = Avx2Int;

constexpr int kRows = 4, kVectors = 2, kColumns = kVectors * V::kLanes;

inline std::int32_t element(const std::int8_t* p) {
  std::int32_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

template <int kUsed>
struct Sums {
  __m256i at[kRows][kUsed];

  explicit Sums(const std::int32_t* first) {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) at[r][v] = _mm256_set1_epi32(first[r]);
    }
  }
  void store(std::int32_t* out) const {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(out + r * kColumns + v * V::kLanes), at[r][v]);
      }
    }
  }
};

// `w`: for each step and row, channels 0 and 2, then 1 and 3, in 16 bits each.
template <int kUsed>
void sums8(const std::int32_t* w, const __m256i* x, int depth, const std::int32_t* first, std::int32_t* out) {
  Sums<kUsed> acc(first);
  const __m256i low_bytes = _mm256_set1_epi16(255);
  for (int d = 0; d < depth; ++d, w += 2 * kRows, x += kVectors) {
    __m256i even[kUsed], odd[kUsed];
#pragma GCC unroll 2
    for (int v = 0; v < kUsed; ++v) {
      even[v] = _mm256_and_si256(x[v], low_bytes);
      odd[v] = _mm256_srli_epi16(x[v], 8);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256i w_even = _mm256_set1_epi32(w[2 * r]), w_odd = _mm256_set1_epi32(w[2 * r + 1]);
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) {
        const __m256i both =
            _mm256_add_epi32(_mm256_madd_epi16(even[v], w_even), _mm256_madd_epi16(odd[v], w_odd));
        acc.at[r][v] = _mm256_add_epi32(acc.at[r][v], both);
      }
    }
  }
  acc.store(out);
}

// Sums of neighbours. The ones stay in memory: in a register they would push out a sum.
inline __m256i sums_of_pairs(__m256i words) {
  alignas(32) static const std::int16_t kOnes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  __m256i sums;
  asm("vpmaddwd %2, %1, %0" : "=x"(sums) : "x"(words), "m"(kOnes));
  return sums;
}

// Steps d and d + 1 of a tile. Joined: their products are added in 16 bits and widened once.
template <int kUsed, bool kJoined>
inline void add_two_steps(Sums<kUsed>& acc, const std::int8_t* w, const __m256i* x) {
  __m256i a[kUsed], b[kUsed];
#pragma GCC unroll 2
  for (int v = 0; v < kUsed; ++v) {
    a[v] = x[v];
    b[v] = x[kVectors + v];
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const __m256i w_a = _mm256_set1_epi32(element(w + 4 * r));
    const __m256i w_b = _mm256_set1_epi32(element(w + 4 * (kRows + r)));
#pragma GCC unroll 2
    for (int v = 0; v < kUsed; ++v) {
      const __m256i sum_a = _mm256_maddubs_epi16(a[v], w_a), sum_b = _mm256_maddubs_epi16(b[v], w_b);
      const __m256i wide = kJoined ? sums_of_pairs(_mm256_add_epi16(sum_a, sum_b))
                                   : _mm256_add_epi32(sums_of_pairs(sum_a), sums_of_pairs(sum_b));
      acc.at[r][v] = _mm256_add_epi32(acc.at[r][v], wide);
    }
  }
}

template <int kUsed>
void sums7(const std::int8_t* w, const std::uint8_t* joinable, const __m256i* x, int depth, const std::int32_t* first,
           std::int32_t* out) {
  Sums<kUsed> acc(first);
  for (int pair = 0; pair < depth / 2; ++pair, w += 8 * kRows, x += 2 * kVectors) {
    if (__builtin_expect(joinable[pair], 1)) {
      add_two_steps<kUsed, true>(acc, w, x);
    } else {
      add_two_steps<kUsed, false>(acc, w, x);
    }
  }
  if (depth % 2) {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256i weight = _mm256_set1_epi32(element(w + 4 * r));
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) {
        acc.at[r][v] = _mm256_add_epi32(acc.at[r][v], sums_of_pairs(_mm256_maddubs_epi16(x[v], weight)));
      }
    }
  }
  acc.store(out);
}

// A panel in 16 bits, as `sums8` wants it.
void widen(const std::int8_t* packed, int depth, std::int32_t* out) {
  const __m128i even_first = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
  for (int d = 0; d < depth; ++d, packed += 4 * kRows, out += 2 * kRows) {
    const __m128i rows = _mm_load_si128(reinterpret_cast<const __m128i*>(packed));
    _mm256_store_si256(reinterpret_cast<__m256i*>(out), _mm256_cvtepi8_epi16(_mm_shuffle_epi8(rows, even_first)));
  }
}

// Columns that pass all rows before the next do, in tiles that are gathered first: X's own rows may lie pages apart.
constexpr int kTilesAtOnce = 2;

// tile[d][vector] of `count` columns; zeros beyond them.
void gather(const Product& p, int column, int count, __m256i* tile) {
  const auto* const x = static_cast<const Int8x4*>(p.x.data) + column;
  const auto mask = [&](int v) {
    const int left = count - v * V::kLanes;
    return V::first(left > V::kLanes ? V::kLanes : left < 0 ? 0 : left);
  };
  const __m256i masks[kVectors] = {mask(0), mask(1)};
  for (int d = 0; d < p.depth; ++d) {
    const auto* const from = reinterpret_cast<const int*>(x + p.x.offsets[d]);
    for (int v = 0; v < kVectors; ++v) *tile++ = _mm256_maskload_epi32(from + v * V::kLanes, masks[v]);
  }
}

template <int kUsed>
void tile_sums(const Int8Weights& weights, int row, const std::int32_t* wide, const __m256i* x,
               const std::int32_t* first, std::int32_t* out) {
  const int depth = weights.depth;
  if (weights.joinable == nullptr) return sums8<kUsed>(wide, x, depth, first, out);
  sums7<kUsed>(weights.packed + static_cast<std::ptrdiff_t>(row) * depth * 4,
               weights.joinable + static_cast<std::ptrdiff_t>(row / kRows) * (depth / 2), x, depth, first, out);
}

// A panel times the tiles of `columns`.
void multiply_panel(const Int8Weights& weights, const std::int32_t* wide, const __m256i* tiles, const Product& p,
                    const QuantizedOutput* output, int row, int rows_end, Range columns) {
  alignas(64) std::int32_t sums[kRows * kColumns + V::kLanes];
  std::int32_t begin[kRows];
  for (int r = 0; r < kRows; ++r) begin[r] = -p.x.zero_point * weights.row_sum[row + r];
  const TileRows<V, kRows, kColumns> out(weights, p, output, row, rows_end);
  for (int column = columns.begin; column < columns.end; column += kColumns, tiles += kVectors * p.depth) {
    const int left = columns.end - column, count = left < kColumns ? left : kColumns;
    const auto run = count > V::kLanes ? tile_sums<2> : tile_sums<1>;
    run(weights, row, wide, tiles, begin, sums);
    out.store(sums, column, count);
  }
}

void multiply(const Int8Weights& weights, const Product& p, const QuantizedOutput* output, Range rows,
              Range columns, void* scratch) {
  auto* const tiles = static_cast<__m256i*>(scratch);
  auto* const wide = reinterpret_cast<std::int32_t*>(tiles + kTilesAtOnce * kVectors * p.depth);
  constexpr int kBlock = kTilesAtOnce * kColumns;
  for (int first = columns.begin; first < columns.end; first += kBlock) {
    const Range part{first, columns.end - first < kBlock ? columns.end : first + kBlock};
    for (int column = part.begin; column < part.end; column += kColumns) {
      const int left = part.end - column;
      gather(p, column, left < kColumns ? left : kColumns, tiles + (column - first) / kColumns * kVectors * p.depth);
    }
    for (int row = rows.begin; row < rows.end; row += kRows) {
      if (weights.joinable == nullptr) {
        widen(weights.packed + static_cast<std::ptrdiff_t>(row) * p.depth * 4, p.depth, wide);
      }
      multiply_panel(weights, wide, tiles, p, output, row, rows.end, part);
    }
  }
}

// Lanes are pairs of channels of a row, in 16 bits.
void multiply_vector(const Int8Weights& weights, const Int8x4* x, const Quantization& q, float* y,
                     const Epilogue& e, Range rows, void* scratch) {
  constexpr int kChains = 4;
  const int depth = weights.depth;
  auto* const wide = static_cast<__m128i*>(scratch);  // two elements of four 16-bit numbers each
  for (int d = 0; d < depth; d += 2) {  // the scratch behind x's last element is there to be read
    _mm_store_si128(wide + d / 2, _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + d))));
  }
  const auto* const elements = reinterpret_cast<const double*>(wide);
  for (int row = rows.begin; row < rows.end; row += kRows) {
    const auto* const w =
        reinterpret_cast<const __m128i*>(weights.packed + static_cast<std::ptrdiff_t>(row) * depth * 4);
    __m256i acc[kChains] = {};
    const auto step = [&](int d, int chain) {
      const __m256i value = _mm256_castpd_si256(_mm256_broadcast_sd(elements + d));
      acc[chain] = _mm256_add_epi32(acc[chain],
                                    _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_load_si128(w + d)), value));
    };
    int d = 0;
    for (; d + kChains <= depth; d += kChains) {
#pragma GCC unroll 4
      for (int i = 0; i < kChains; ++i) step(d + i, i);
    }
    for (; d < depth; ++d) step(d, 0);
    alignas(32) std::int32_t pairs[2 * kRows];
    _mm256_store_si256(reinterpret_cast<__m256i*>(pairs),
                       _mm256_add_epi32(_mm256_add_epi32(acc[0], acc[1]), _mm256_add_epi32(acc[2], acc[3])));
    const int left = rows.end - row, count = left < kRows ? left : kRows;
    std::int32_t sums[kRows];
    for (int r = 0; r < count; ++r) {
      sums[r] = pairs[2 * r] + pairs[2 * r + 1] - q.zero_point * weights.row_sum[row + r];
    }
    store_rows<V>(sums, row, count, weights, q.scale, e, y);
  }
}

}  // namespace

const Int8Kernels kInt8Avx2{kRows, kColumns, kTilesAtOnce * kColumns * sizeof(Int8x4) + 2 * kRows * sizeof(std::int32_t), multiply, Int8Depthwise<V>::filter,
                            multiply_vector, quantize_channels<V>, quantize_vector<V>, range<V>};

}  // namespace featherweight::kernels
