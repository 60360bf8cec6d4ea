// Lanes are 16 columns (multiply) or 16 rows (multiply_vector), 32 bits of depth to a step.
//
// Two steps share one popcount. With `ones` the bits left over from earlier steps, and w ^ x the
// differences of a step, three ternary operations are a full adder of ones and two differences:
//   t = ones ^ w0 ^ x0;  ones' = t ^ w1 ^ x1;  carry = t ? ~ones' : ones.
// (Where t is 0, ones and the first difference are equal, so they are the majority; where it is 1 they
// cancel, so the second difference, ones' ^ t = ~ones', decides.) So 2.5 instructions for 512 products.
#include "kernels/binary/binary.h"
#include "kernels/columns.h"
#include "kernels/binary/pack_avx512.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {
namespace {

constexpr int kRowTile = 16, kRows = 4, kVectors = 2, kTile = 16 * kVectors;
constexpr int kXor = 0x96, kCarry = 0x3a;  // truth tables over (first, second, third)

struct Count {
  __m512i ones, twos;

  void add(__m512i w0, __m512i x0, __m512i w1, __m512i x1) {
    const __m512i t = _mm512_ternarylogic_epi32(ones, w0, x0, kXor);
    const __m512i sum = _mm512_ternarylogic_epi32(t, w1, x1, kXor);
    const __m512i carry = _mm512_ternarylogic_epi32(t, sum, ones, kCarry);
    twos = _mm512_add_epi32(twos, _mm512_popcnt_epi32(carry));
    ones = sum;
  }
  // bits - 2 * differing, exact in float32 up to 2^24 bits.
  __m512 sum(int bits) const {
    const __m512i differing = _mm512_add_epi32(_mm512_popcnt_epi32(ones), _mm512_add_epi32(twos, twos));
    return _mm512_cvtepi32_ps(
        _mm512_sub_epi32(_mm512_set1_epi32(bits), _mm512_add_epi32(differing, differing)));
  }
};

__m512i fill(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }

std::size_t scratch_bytes(int words) { return (static_cast<std::size_t>(words) + 1) * kTile * 4; }

// `w`: kRows words of each step of a panel; `x`: the gathered tile.
template <int kUsed>
[[gnu::noinline]] void tile_sums(const std::uint32_t* w, const std::uint32_t* x, int words, int bits, float* out) {
  Count count[kRows][kUsed];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kUsed; ++v) count[r][v] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  }
  int d = 0;
  for (; d + 2 <= words; d += 2, w += 2 * kRowTile, x += 2 * kTile) {
    __m512i x0[kUsed], x1[kUsed];
#pragma GCC unroll 2
    for (int v = 0; v < kUsed; ++v) {
      x0[v] = _mm512_load_si512(x + v * 16);
      x1[v] = _mm512_load_si512(x + kTile + v * 16);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m512i w0 = fill(w[r]), w1 = fill(w[kRowTile + r]);
#pragma GCC unroll 2
      for (int v = 0; v < kUsed; ++v) count[r][v].add(w0, x0[v], w1, x1[v]);
    }
  }
  const __m512i none = _mm512_setzero_si512();
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kUsed; ++v) {
      if (d < words) count[r][v].add(fill(w[r]), _mm512_load_si512(x + v * 16), none, none);
      _mm512_store_ps(out + r * kTile + v * 16, count[r][v].sum(bits));
    }
  }
}

void multiply(const void* packed, int words, int bits, const Product& p, Range rows, Range columns,
              void* scratch) {
  alignas(64) float sums[kRows * kTile];
  auto* const tile = static_cast<std::uint32_t*>(scratch);
  const Range stored = stored_columns(p.columns, columns);
  for (int first = stored.begin; first < stored.end; first += kTile) {
    const int left = stored.end - first, count = left < kTile ? left : kTile;
    gather_columns<kTile>(p, first, count, words, tile);
    for (int row = rows.begin; row < rows.end; row += kRows) {
      const auto* const w = static_cast<const std::uint32_t*>(packed) +
                            static_cast<std::ptrdiff_t>(row / kRowTile) * words * kRowTile + row % kRowTile;
      if (count > 16) {
        tile_sums<2>(w, tile, words, bits, sums);
      } else {
        tile_sums<1>(w, tile, words, bits, sums);
      }
      const int rows_left = rows.end - row;
      store_gathered<Avx512>(sums, kTile, first, count, row, rows_left < kRows ? rows_left : kRows, p);
    }
  }
}

// The 16 rows of a panel against one column.
void vector_sums(const std::uint32_t* w, const std::uint32_t* x, int words, int bits, float* out) {
  constexpr int kAhead = 2048;  // words
  const __m512i none = _mm512_setzero_si512();
  Count count[2] = {{none, none}, {none, none}};
  int d = 0;
  for (; d + 4 <= words; d += 4, w += 4 * kRowTile) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      _mm_prefetch(reinterpret_cast<const char*>(w + kAhead + i * kRowTile), _MM_HINT_T0);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const std::uint32_t* const at = w + 2 * i * kRowTile;
      count[i].add(_mm512_load_si512(at), fill(x[d + 2 * i]), _mm512_load_si512(at + kRowTile),
                   fill(x[d + 2 * i + 1]));
    }
  }
  for (; d < words; ++d, w += kRowTile) count[0].add(_mm512_load_si512(w), fill(x[d]), none, none);
  // The second count's left-over bits are one more difference of the first.
  count[0].add(count[1].ones, none, none, none);
  count[0].twos = _mm512_add_epi32(count[0].twos, count[1].twos);
  _mm512_store_ps(out, count[0].sum(bits));
}

void multiply_vector(const void* packed, int words, int bits, const std::uint32_t* x, float* y,
                     const Epilogue& epilogue, Range rows) {
  alignas(64) float sums[kRowTile];
  for (int row = rows.begin; row < rows.end; row += kRowTile) {
    const auto* const w = static_cast<const std::uint32_t*>(packed) + static_cast<std::ptrdiff_t>(row) * words;
    vector_sums(w, x, words, bits, sums);
    const int left = rows.end - row;
    store_rows<Avx512>(sums, row, left < kRowTile ? left : kRowTile, y, epilogue);
  }
}

}  // namespace

const BinaryKernels kBinaryAvx512{kRowTile, 4, 1 << 19, scratch_bytes, multiply, multiply_vector,
                                  planes_to_words, vector_to_words};

}  // namespace featherweight::kernels
