// 8-bit products by pmaddubsw, which wants one factor without a sign: |w| times x with the sign of w.
// Two of them make at most 2 * 127 * 127 = 32,258: nothing saturates.
#include "kernels/streams.h"
#include "kernels/two_of_sixteen/cells.h"
#include "kernels/two_of_sixteen/quantize.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {
namespace {

__m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
__m256i twice(const void* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}

// sums + four products for each of eight rows.
__m256i add_products(__m256i sums, __m256i x, __m256i weights) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

struct Narrow {
  static constexpr int kBytes = kCellBytes;
  __m256i codebook;
  explicit Narrow(const CellsView& w) : codebook(twice(w.rounded)) {}

  __m256i add(__m256i sums, const std::uint8_t* entries, __m256i low, __m256i high) const {
    const __m256i half = _mm256_set1_epi8(15), entry = load(entries);
    const __m256i position = _mm256_and_si256(entry, half);
    const __m256i code = _mm256_and_si256(_mm256_srli_epi16(entry, 4), half);
    const __m256i x = _mm256_blend_epi16(_mm256_shuffle_epi8(low, position),
                                         _mm256_shuffle_epi8(high, position), 0xaa);
    return add_products(sums, x, _mm256_shuffle_epi8(codebook, code));
  }
};

struct Wide {
  static constexpr int kBytes = 2 * kCellBytes;
  explicit Wide(const CellsView&) {}

  __m256i add(__m256i sums, const std::uint8_t* entries, __m256i low, __m256i high) const {
    const __m256i position = load(entries);
    const __m256i x = _mm256_blendv_epi8(_mm256_shuffle_epi8(low, position),
                                         _mm256_shuffle_epi8(high, position), _mm256_slli_epi16(position, 3));
    return add_products(sums, x, load(entries + kCellBytes));
  }
};

// kTiles row tiles at once (streams.h): x is loaded once for all.
template <int kTiles, class Entries>
void sum_streams(const CellsView& w, const Entries& entries, const std::int8_t* q, Streams<kTiles> rows,
                 std::int32_t* sums) {
  const std::ptrdiff_t tile = static_cast<std::ptrdiff_t>(w.cells) * Entries::kBytes;
  const std::ptrdiff_t apart = rows.apart / kCellRows * tile;
  const std::uint8_t* data = w.data + rows.row / kCellRows * tile;
  __m256i acc[kTiles][2];
#pragma GCC unroll 4
  for (int t = 0; t < kTiles; ++t) acc[t][0] = acc[t][1] = _mm256_setzero_si256();
  for (int cell = 0; cell < w.cells; ++cell, data += Entries::kBytes) {
    const __m256i low = twice(q + cell * kCellColumns), high = twice(q + cell * kCellColumns + 16);
#pragma GCC unroll 4
    for (int t = 0; t < kTiles; ++t) {
      const std::uint8_t* const at = data + t * apart;
      for (int line = 0; line < Entries::kBytes; line += 64) {
        fetch_ahead(at + line);
      }
      acc[t][0] = entries.add(acc[t][0], at, low, high);
      acc[t][1] = entries.add(acc[t][1], at + 32, low, high);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < kTiles; ++t) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + t * rows.apart), acc[t][0]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + t * rows.apart + 8), acc[t][1]);
  }
}

template <class Entries>
void sum_tiles(const CellsView& w, const std::int8_t* q, Range rows, std::int32_t* sums) {
  const Entries entries(w);
  in_streams<4, kCellRows>(rows, [&](auto streams) {
    sum_streams<streams.kCount>(w, entries, q, streams, sums + (streams.row - rows.begin));
  });
}

void sum(const CellsView& w, const std::int8_t* q, Range rows, std::int32_t* sums) {
  if (w.wide) return sum_tiles<Wide>(w, q, rows, sums);
  sum_tiles<Narrow>(w, q, rows, sums);
}

// table[index % 16] of sixteen floats.
__m256 look_up(const float* table, __m256i index) {
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), index);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)));
}

__m256 add_exact(__m256 sums, __m256i entry, const float* x, const float* codebook) {
  return _mm256_fmadd_ps(look_up(x, entry), look_up(codebook, _mm256_srli_epi32(entry, 4)), sums);
}

void sum_exact(const CellsView& w, const float* x, Range rows, float* sums) {
  for (int row = rows.begin; row < rows.end; row += kCellRows, sums += kCellRows) {
    const std::uint8_t* data = w.data + static_cast<std::ptrdiff_t>(row / kCellRows) * w.cells * kCellBytes;
    __m256 total[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (int cell = 0; cell < w.cells; ++cell, data += kCellBytes) {
      _mm_prefetch(reinterpret_cast<const char*>(data) + 6144, _MM_HINT_T0);
      const float* const at = x + cell * kCellColumns;
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const __m256i entry = load(data + 32 * half);
        total[half] = add_exact(total[half], entry, at, w.codebook);
        total[half] = add_exact(total[half], _mm256_srli_epi32(entry, 8), at, w.codebook);
        total[half] = add_exact(total[half], _mm256_srli_epi32(entry, 16), at + 16, w.codebook);
        total[half] = add_exact(total[half], _mm256_srli_epi32(entry, 24), at + 16, w.codebook);
      }
    }
    _mm256_storeu_ps(sums, total[0]);
    _mm256_storeu_ps(sums + 8, total[1]);
  }
}

}  // namespace

const CellsKernels kCellsAvx2{quantize, sum, sum_exact, store<Avx2>};

}  // namespace featherweight::kernels
