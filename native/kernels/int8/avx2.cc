// Without VNNI. Exact: products of bytes added in 16 bits (vpmaddubsw) where they fit, else widened before (steps.h).
#include "kernels/int8/depthwise.h"
#include "kernels/int8/int8.h"
#include "kernels/int8/store.h"
#include "kernels/int8/tiles.h"
#include "kernels/vec_avx2.h"

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
  static Int min_words(Int a, Int b) { return _mm256_min_epu16(a, b); }
  // Has an integer none of these bits?
  static bool any_without(Int a, std::int32_t bits) {
    return _mm256_movemask_epi8(_mm256_cmpeq_epi32(and_int(a, fill_int(bits)), _mm256_setzero_si256())) != 0;
  }
  // The upper words of integers of both in turns, and of two such pairs of rows, as unsigned bytes, elements.
  static Int upper_words(Int a, Int b) { return _mm256_blend_epi16(_mm256_srli_epi32(a, 16), b, 0xaa); }
  static Int joined_rows(Int ab, Int cd) {
    const __m128i order = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    return _mm256_shuffle_epi8(join_words(ab, cd), _mm256_broadcastsi128_si256(order));
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
  static Int load_int(const std::uint32_t* p, Mask mask) {
    return _mm256_maskload_epi32(reinterpret_cast<const int*>(p), mask);
  }
  static void store_some(std::uint32_t* p, Int value, int count) {
    if (count >= kLanes) return _mm256_storeu_si256(reinterpret_cast<Int*>(p), value);
    store_first(reinterpret_cast<float*>(p), count, _mm256_castsi256_ps(value));
  }
  // The lower or upper halves of the 128-bit lanes of both, interleaved.
  static Int low_bytes(Int a, Int b) { return _mm256_unpacklo_epi8(a, b); }
  static Int high_bytes(Int a, Int b) { return _mm256_unpackhi_epi8(a, b); }
  static Int low_ints(Int a, Int b) { return _mm256_unpacklo_epi32(a, b); }
  static Int high_ints(Int a, Int b) { return _mm256_unpackhi_epi32(a, b); }
  static Int low_longs(Int a, Int b) { return _mm256_unpacklo_epi64(a, b); }
  static Int high_longs(Int a, Int b) { return _mm256_unpackhi_epi64(a, b); }
  // Four integers in each lane of 128 bits.
  static Int four_ints(const std::int32_t* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // Four weights of each of four channels: taps 0 and 1, and 2 and 3, in 16 bits each.
  struct FourTaps {
    Int first, second;
    FourTaps() = default;
    explicit FourTaps(const std::int8_t* w) {
      const __m128i by_pairs = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w));
      const Int wide = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(bytes, by_pairs));
      first = _mm256_permute2x128_si256(wide, wide, 0x00);
      second = _mm256_permute2x128_si256(wide, wide, 0x11);
    }
    // To sums of pixels 0, 1, 2 and 3 of each lane of 128 bits; `taps`: how many are there.
    void add_products(Int (&sums)[4], const Int (&of_tap)[4], int taps) const {
      add_two(sums, of_tap[0], of_tap[1], first);
      if (taps > 2) add_two(sums, of_tap[2], of_tap[3], second);
    }
    static void add_two(Int (&sums)[4], Int a, Int b, Int weights) {
      const Int none = _mm256_setzero_si256(), low = low_bytes(a, b), high = high_bytes(a, b);
      sums[0] = add_int(sums[0], _mm256_madd_epi16(low_bytes(low, none), weights));
      sums[1] = add_int(sums[1], _mm256_madd_epi16(high_bytes(low, none), weights));
      sums[2] = add_int(sums[2], _mm256_madd_epi16(low_bytes(high, none), weights));
      sums[3] = add_int(sums[3], _mm256_madd_epi16(high_bytes(high, none), weights));
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

// Sums of neighbours. The ones stay in memory: in a register they would push out a sum.
inline __m256i sums_of_pairs(__m256i words) {
  alignas(32) static const std::int16_t kOnes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  __m256i sums;
  asm("vpmaddwd %2, %1, %0" : "=x"(sums) : "x"(words), "m"(kOnes));
  return sums;
}

// Products of a step with two channels each, in 16 bits. Of a centred one, its magnitudes are the unsigned bytes.
struct Plain {
  static constexpr int kBytes = 4 * kRows;
  static __m256i products(const std::int8_t* w, int row, __m256i x) {
    return _mm256_maddubs_epi16(x, _mm256_set1_epi32(element(w + 4 * row)));
  }
};
struct Centred {
  static constexpr int kBytes = 8 * kRows;
  static __m256i products(const std::int8_t* w, int row, __m256i x) {
    const __m256i centred = _mm256_xor_si256(x, _mm256_set1_epi32(element(w + 4 * (kRows + row))));
    return _mm256_maddubs_epi16(_mm256_set1_epi32(element(w + 4 * row)), centred);
  }
};

// Where a panel times a tile has come to: the next step's weights, and which element of X it is of.
template <int kUsed>
struct Cursor {
  const std::int8_t* w;
  const std::uint16_t* order;
  const __m256i* x;
  Sums<kUsed> acc;

  const __m256i* x_of(int step) const { return x + std::size_t{order[step]} * kVectors; }

  // Two steps at a time that fit 16 bits together: widened once.
  template <class Step>
  void add_pairs(int count) {
    for (; count > 0; --count, w += 2 * Step::kBytes, order += 2) {
      const __m256i *const a = x_of(0), *const b = x_of(1);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < kUsed; ++v) {
          const __m256i both = _mm256_add_epi16(Step::products(w, r, a[v]), Step::products(w + Step::kBytes, r, b[v]));
          acc.at[r][v] = _mm256_add_epi32(acc.at[r][v], sums_of_pairs(both));
        }
      }
    }
  }

  template <class Step>
  void add_singles(int count) {
    for (; count > 0; --count, w += Step::kBytes, ++order) {
      const __m256i* const a = x_of(0);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < kUsed; ++v) {
          acc.at[r][v] = _mm256_add_epi32(acc.at[r][v], sums_of_pairs(Step::products(w, r, a[v])));
        }
      }
    }
  }

  // Four steps at a time that fit 16 bits together, of one vector of X after the other: registers beside the sums hold
  // four. Left alone, compilers keep the weights from the first to the second and add in an order that takes more of
  // them: both push sums out to memory.
  void add_fours(int count) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (; count > 0; --count, w += 4 * Plain::kBytes, order += 4) {
      const __m256i* const four[4] = {x_of(0), x_of(1), x_of(2), x_of(3)};
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) {
        const __m256i a = four[0][v], b = four[1][v], c = four[2][v], d = four[3][v];
        const std::int8_t* weights = w;
        asm volatile("" : "+r"(weights));
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const auto products = [&](int step, __m256i value) {
            return Plain::products(weights + step * Plain::kBytes, r, value);
          };
          __m256i ab = _mm256_add_epi16(products(0, a), products(1, b));
          asm("" : "+x"(ab));
          const __m256i abcd = _mm256_add_epi16(_mm256_add_epi16(ab, products(2, c)), products(3, d));
          acc.at[r][v] = _mm256_add_epi32(acc.at[r][v], _mm256_madd_epi16(abcd, ones));
        }
      }
    }
  }
};

// One panel times one tile.
template <int kUsed>
[[gnu::always_inline]] inline Sums<kUsed> tile_sums(const Int8Weights& weights, int panel, const __m256i* x,
                                                    const std::int32_t* first) {
  const Steps& steps = weights.steps[panel];
  Cursor<kUsed> cursor{weights.packed + steps.begin, weights.order + static_cast<std::ptrdiff_t>(panel) * weights.depth, x,
                       Sums<kUsed>(first)};
  cursor.add_fours(steps.fours);
  cursor.template add_pairs<Plain>(steps.pairs);
  cursor.template add_singles<Plain>(steps.singles);
  cursor.template add_pairs<Centred>(steps.centred_pairs);
  cursor.template add_singles<Centred>(steps.centred_singles);
  return cursor.acc;
}

using Tiles = GatheredTiles<kRows, kColumns, (16 << 10), 2>;

std::size_t scratch_bytes(int depth) { return Tiles::bytes(depth); }

// A panel times the tiles of `columns`.
void multiply_panel(const Int8Weights& weights, const __m256i* tiles, const Product& p, const QuantizedOutput* output,
                    int row, int rows_end, Range columns) {
  std::int32_t begin[kRows];
  for (int r = 0; r < kRows; ++r) {  // wraps around, as the sums do
    begin[r] = static_cast<std::int32_t>(static_cast<std::uint32_t>(weights.steps[row / kRows].missing[r]) -
                                         static_cast<std::uint32_t>(p.x.zero_point * weights.row_sum[row + r]));
  }
  const FourRows<V> out(weights, p, output, row, rows_end);
  const bool is_dense = out.are_elements_dense();
  const auto store = [&](const auto& sums, int column, int count) {
    if (!is_dense) {
      alignas(64) std::int32_t tile[kRows * kColumns + V::kLanes];
      sums.store(tile);
      return out.store(tile, kColumns, Runs(column, count, p, output));
    }
    constexpr int kUsed = sizeof(sums.at[0]) / sizeof(sums.at[0][0]);
#pragma GCC unroll 2
    for (int v = 0; v < kUsed; ++v) {
      const __m256i rows[kRows] = {sums.at[0][v], sums.at[1][v], sums.at[2][v], sums.at[3][v]};
      V::store_some(out.elements() + column + v * V::kLanes, out.bytes(rows), count - v * V::kLanes);
    }
  };
  for (int column = columns.begin; column < columns.end; column += kColumns, tiles += kVectors * p.depth) {
    const int left = columns.end - column;
    if (left > V::kLanes) {
      store(tile_sums<2>(weights, row / kRows, tiles, begin), column, left < kColumns ? left : kColumns);
    } else {
      store(tile_sums<1>(weights, row / kRows, tiles, begin), column, left);
    }
  }
}

void multiply(const Int8Weights& weights, const Product& p, const QuantizedOutput* output, Range rows,
              Range columns, void* scratch) {
  Tiles::each_panel(p, rows, columns, static_cast<Int8x4*>(scratch), [&](const Product& stored, int row, Range part) {
    multiply_panel(weights, static_cast<const __m256i*>(scratch), stored, output, row, rows.end, part);
  });
}

// Lanes are pairs of channels of a row, in 16 bits. Weights are in the order of X.
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

const Int8Kernels kInt8Avx2{kRows, kColumns, true, scratch_bytes, multiply, Int8Depthwise<V>::filter,
                            multiply_vector, quantize_channels<V>, quantize_vector<V>, range<V>};

}  // namespace featherweight::kernels
