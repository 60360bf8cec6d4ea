// vpdpbusd: four products of a byte and a signed byte, added to an int32, sixteen columns at a time.
#include "kernels/int8/depthwise.h"
#include "kernels/int8/int8.h"
#include "kernels/int8/store.h"
#include "kernels/int8/tiles.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {
namespace {

struct Avx512Int : Avx512 {
  using Int = __m512i;
  static Int fill_int(std::int32_t value) { return _mm512_set1_epi32(value); }
  static Int load_int(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static Int add_int(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static Int max_int(Int a, Int b) { return _mm512_max_epi32(a, b); }
  static Int and_int(Int a, Int b) { return _mm512_and_si512(a, b); }
  // By lanes of 128 bits, of integers to words and of words to bytes, those that do not fit the nearest that do.
  static Int join_ints(Int a, Int b) { return _mm512_packs_epi32(a, b); }
  static Int join_words(Int a, Int b) { return _mm512_packus_epi16(a, b); }
  static Int add_words(Int a, Int b) { return _mm512_adds_epi16(a, b); }
  static Int max_bytes(Int a, Int b) { return _mm512_max_epu8(a, b); }
  // Four by four bytes of each lane of 128 bits, rows and columns exchanged.
  static Int turned_bytes(Int a) {
    return _mm512_shuffle_epi8(a, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
  }
  static Int int_of_bytes(int a, int b, int c, int d) {
    return fill_int(static_cast<std::int32_t>(static_cast<unsigned>(a | b << 8 | c << 16) |
                                              static_cast<unsigned>(d) << 24));
  }
  static Int min_words(Int a, Int b) { return _mm512_min_epu16(a, b); }
  // Has an integer none of these bits?
  static bool any_without(Int a, std::int32_t bits) { return _mm512_testn_epi32_mask(a, fill_int(bits)) != 0; }
  // The upper words of integers of both in turns, and of two such pairs of rows, as unsigned bytes, elements.
  static Int upper_words(Int a, Int b) { return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(a, 16), b); }
  static Int joined_rows(Int ab, Int cd) {
    const __m128i order = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    return _mm512_shuffle_epi8(join_words(ab, cd), _mm512_broadcast_i32x4(order));
  }
  static Float from_int(Int a) { return _mm512_cvtepi32_ps(a); }
  static Int rounded(Float a) { return _mm512_cvtps_epi32(a); }
  // How far from the nearest integer, or `least` where that is more; NaN is at none.
  static Float tie_distance(Float a, Float least) {
    const Float rest = _mm512_reduce_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return _mm512_range_ps(least, rest, 0b1011);  // the greater absolute value
  }
  static bool any_at_least(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ) != 0; }
  static void store_int(std::int32_t* p, Int value) { _mm512_storeu_si512(p, value); }
  static Int load_int(const std::uint32_t* p, Mask mask) { return _mm512_maskz_loadu_epi32(mask, p); }
  static void store_some(std::uint32_t* p, Int value, int count) {
    if (count >= kLanes) return _mm512_storeu_si512(p, value);
    _mm512_mask_storeu_epi32(p, first(count), value);
  }
  // The lower or upper halves of the 128-bit lanes of both, interleaved.
  static Int low_bytes(Int a, Int b) { return _mm512_unpacklo_epi8(a, b); }
  static Int high_bytes(Int a, Int b) { return _mm512_unpackhi_epi8(a, b); }
  static Int low_words(Int a, Int b) { return _mm512_unpacklo_epi16(a, b); }
  static Int high_words(Int a, Int b) { return _mm512_unpackhi_epi16(a, b); }
  static Int low_ints(Int a, Int b) { return _mm512_unpacklo_epi32(a, b); }
  static Int high_ints(Int a, Int b) { return _mm512_unpackhi_epi32(a, b); }
  static Int low_longs(Int a, Int b) { return _mm512_unpacklo_epi64(a, b); }
  static Int high_longs(Int a, Int b) { return _mm512_unpackhi_epi64(a, b); }
  // Four integers in each lane of 128 bits.
  static Int four_ints(const std::int32_t* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // Four weights of each of four channels.
  struct FourTaps {
    Int weights;
    FourTaps() = default;
    explicit FourTaps(const std::int8_t* w)
        : weights(_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)))) {}
    // To sums of pixels 0, 1, 2 and 3 of each lane of 128 bits. Interleaved twice, the taps of a channel are the four
    // bytes that vpdpbusd adds up; taps that are not there have weights 0.
    void add_products(Int (&sums)[4], const Int (&of_tap)[4], int) const {
      const Int low_ab = low_bytes(of_tap[0], of_tap[1]), high_ab = high_bytes(of_tap[0], of_tap[1]);
      const Int low_cd = low_bytes(of_tap[2], of_tap[3]), high_cd = high_bytes(of_tap[2], of_tap[3]);
      sums[0] = _mm512_dpbusd_epi32(sums[0], low_words(low_ab, low_cd), weights);
      sums[1] = _mm512_dpbusd_epi32(sums[1], high_words(low_ab, low_cd), weights);
      sums[2] = _mm512_dpbusd_epi32(sums[2], low_words(high_ab, high_cd), weights);
      sums[3] = _mm512_dpbusd_epi32(sums[3], high_words(high_ab, high_cd), weights);
    }
  };
  static void store_bytes(std::uint8_t* p, Int value, int count) {
    _mm512_mask_cvtepi32_storeu_epi8(p, count >= kLanes ? Mask(0xffff) : first(count), value);
  }
};
using V = Avx512Int;

constexpr int kRows = 8, kVectors = 3, kColumns = kVectors * V::kLanes;

inline std::int32_t element(const std::int8_t* p) {
  std::int32_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

// A gathered tile's columns, of which kUsed vectors are there. `first` is what the sums begin with.
template <int kUsed>
void tile_sums(const std::int8_t* w, const Int8x4* x, int depth, const std::int32_t* first, std::int32_t* out) {
  __m512i acc[kRows][kUsed];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kUsed; ++v) acc[r][v] = _mm512_set1_epi32(first[r]);
  }
  for (int d = 0; d < depth; ++d, w += 4 * kRows, x += kColumns) {
    __m512i columns[kUsed];
#pragma GCC unroll 4
    for (int v = 0; v < kUsed; ++v) columns[v] = _mm512_load_si512(x + v * V::kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const __m512i weight = _mm512_set1_epi32(element(w + 4 * r));
#pragma GCC unroll 4
      for (int v = 0; v < kUsed; ++v) acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], columns[v], weight);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kUsed; ++v) _mm512_store_si512(out + r * kColumns + v * V::kLanes, acc[r][v]);
  }
}

using Tiles = GatheredTiles<kRows, kColumns, (128 << 10), 1>;

std::size_t scratch_bytes(int depth) { return Tiles::bytes(depth); }

// A panel times the tiles of `columns`.
void multiply_panel(const Int8Weights& weights, const Int8x4* tile, const Product& p, const QuantizedOutput* output,
                    int row, int rows_end, Range columns) {
  alignas(64) std::int32_t sums[kRows * kColumns + V::kLanes];
  const std::int8_t* const w = weights.packed + static_cast<std::ptrdiff_t>(row) * p.depth * 4;
  std::int32_t begin[kRows];
  for (int r = 0; r < kRows; ++r) begin[r] = -p.x.zero_point * weights.row_sum[row + r];
  const FourRows<V> out[2] = {{weights, p, output, row, rows_end}, {weights, p, output, row + 4, rows_end}};
  for (int column = columns.begin; column < columns.end; column += kColumns, tile += kColumns * p.depth) {
    const int left = columns.end - column, count = left < kColumns ? left : kColumns;
    const int used = (count + V::kLanes - 1) / V::kLanes;
    (used == 3 ? tile_sums<3> : used == 2 ? tile_sums<2> : tile_sums<1>)(w, tile, p.depth, begin, sums);
    const Runs runs(column, count, p, output);
    out[0].store(sums, kColumns, runs);
    if (row + 4 < rows_end) out[1].store(sums + 4 * kColumns, kColumns, runs);
  }
}

void multiply(const Int8Weights& weights, const Product& p, const QuantizedOutput* output, Range rows,
              Range columns, void* scratch) {
  auto* const tiles = static_cast<Int8x4*>(scratch);
  Tiles::each_panel(p, rows, columns, tiles, [&](const Product& stored, int row, Range part) {
    multiply_panel(weights, tiles, stored, output, row, rows.end, part);
  });
}

// Lanes are rows.
void multiply_vector(const Int8Weights& weights, const Int8x4* x, const Quantization& q, float* y,
                     const Epilogue& e, Range rows, void*) {
  constexpr int kChains = 4;
  const int depth = weights.depth;
  for (int row = rows.begin; row < rows.end; row += kRows) {
    const std::int8_t* w = weights.packed + static_cast<std::ptrdiff_t>(row) * depth * 4;
    __m256i acc[kChains] = {};
    int d = 0;
    for (; d + kChains <= depth; d += kChains, w += kChains * kRows * 4) {
#pragma GCC unroll 4
      for (int i = 0; i < kChains; ++i) {
        const __m256i values = _mm256_load_si256(reinterpret_cast<const __m256i*>(w) + i);
        acc[i] = _mm256_dpbusd_epi32(acc[i], _mm256_set1_epi32(static_cast<int>(x[d + i])), values);
      }
    }
    for (; d < depth; ++d, w += kRows * 4) {
      const __m256i values = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
      acc[0] = _mm256_dpbusd_epi32(acc[0], _mm256_set1_epi32(static_cast<int>(x[d])), values);
    }
    alignas(32) std::int32_t sums[kRows];
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums),
                       _mm256_add_epi32(_mm256_add_epi32(acc[0], acc[1]), _mm256_add_epi32(acc[2], acc[3])));
    const int left = rows.end - row, count = left < kRows ? left : kRows;
    for (int r = 0; r < count; ++r) sums[r] -= q.zero_point * weights.row_sum[row + r];
    store_rows<V>(sums, row, count, weights, q.scale, e, y);
  }
}

}  // namespace

const Int8Kernels kInt8Avx512{kRows, kColumns, false, scratch_bytes, multiply, Int8Depthwise<V>::filter, multiply_vector,
                              quantize_channels<V>, quantize_vector<V>, range<V>};

}  // namespace featherweight::kernels
