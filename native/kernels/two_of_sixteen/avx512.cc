// 8-bit products by vpdpbusd, which wants one factor without a sign: x + 128, and 128 times the row's
// sum of weights is taken off at the start. |(x + 128) w| < 2^15, and a row has at most 2^13 entries.
#include "kernels/streams.h"
#include "kernels/two_of_sixteen/cells.h"
#include "kernels/two_of_sixteen/quantize.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {
namespace {

__m512i load(const void* p) { return _mm512_loadu_si512(p); }

// Look-ups use the low six bits of an index; tables repeat so that those above the needed ones do not
// matter.
struct Narrow {
  static constexpr int kBytes = kCellBytes;
  __m512i codebook;
  explicit Narrow(const CellsView& w)
      : codebook(_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w.rounded)))) {}

  __m512i add(__m512i sums, const std::uint8_t* entries, __m512i x) const {
    const __m512i entry = load(entries);
    // (entry & 15) | 16 for entries 2 and 3 of a row
    const __m512i position = _mm512_ternarylogic_epi32(entry, _mm512_set1_epi8(15),
                                                       _mm512_set1_epi32(0x10100000), 0xea);
    const __m512i weight = _mm512_permutexvar_epi8(_mm512_srli_epi16(entry, 4), codebook);
    return _mm512_dpbusd_epi32(sums, _mm512_permutexvar_epi8(position, x), weight);
  }
};

struct Wide {
  static constexpr int kBytes = 2 * kCellBytes;
  explicit Wide(const CellsView&) {}

  __m512i add(__m512i sums, const std::uint8_t* entries, __m512i x) const {
    return _mm512_dpbusd_epi32(sums, _mm512_permutexvar_epi8(load(entries), x), load(entries + kCellBytes));
  }
};

// x + 128 of a cell's columns, twice.
__m512i shifted(const std::int8_t* q) {
  const __m512i x = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(q)));
  return _mm512_xor_si512(x, _mm512_set1_epi8(-128));
}

// kTiles row tiles at once (streams.h): x is prepared once for all.
template <int kTiles, class Entries>
void sum_streams(const CellsView& w, const Entries& entries, const std::int8_t* q, Streams<kTiles> rows,
                 std::int32_t* sums) {
  const std::ptrdiff_t tile = static_cast<std::ptrdiff_t>(w.cells) * Entries::kBytes;
  const std::ptrdiff_t apart = rows.apart / kCellRows * tile;
  const std::uint8_t* data = w.data + rows.row / kCellRows * tile;
  __m512i acc[kTiles];
#pragma GCC unroll 8
  for (int t = 0; t < kTiles; ++t) {
    acc[t] = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(load(w.totals + rows.row_of(t)), 7));
  }
  for (int cell = 0; cell < w.cells; ++cell, data += Entries::kBytes) {
    const __m512i x = shifted(q + cell * kCellColumns);
#pragma GCC unroll 8
    for (int t = 0; t < kTiles; ++t) {
      for (int line = 0; line < Entries::kBytes; line += 64) {
        fetch_ahead(data + t * apart + line);
      }
      acc[t] = entries.add(acc[t], data + t * apart, x);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kTiles; ++t) _mm512_storeu_si512(sums + t * rows.apart, acc[t]);
}

template <class Entries>
void sum_tiles(const CellsView& w, const std::int8_t* q, Range rows, std::int32_t* sums) {
  const Entries entries(w);
  in_streams<8, kCellRows>(rows, [&](auto streams) {
    sum_streams<streams.kCount>(w, entries, q, streams, sums + (streams.row - rows.begin));
  });
}

void sum(const CellsView& w, const std::int8_t* q, Range rows, std::int32_t* sums) {
  if (w.wide) return sum_tiles<Wide>(w, q, rows, sums);
  sum_tiles<Narrow>(w, q, rows, sums);
}

__m512 add_exact(__m512 sums, __m512i entry, __m512 x, __m512 codebook) {
  return _mm512_fmadd_ps(_mm512_permutexvar_ps(entry, x),
                         _mm512_permutexvar_ps(_mm512_srli_epi32(entry, 4), codebook), sums);
}

template <int kTiles>
void sum_exact_streams(const CellsView& w, const float* x, Streams<kTiles> rows, float* sums) {
  const __m512 codebook = _mm512_loadu_ps(w.codebook);
  const std::ptrdiff_t tile = static_cast<std::ptrdiff_t>(w.cells) * kCellBytes, apart = rows.apart / kCellRows * tile;
  const std::uint8_t* data = w.data + rows.row / kCellRows * tile;
  __m512 acc[kTiles][2];
#pragma GCC unroll 4
  for (int t = 0; t < kTiles; ++t) acc[t][0] = acc[t][1] = _mm512_setzero_ps();
  for (int cell = 0; cell < w.cells; ++cell, data += kCellBytes) {
    const __m512 low = _mm512_loadu_ps(x + cell * kCellColumns);
    const __m512 high = _mm512_loadu_ps(x + cell * kCellColumns + 16);
#pragma GCC unroll 4
    for (int t = 0; t < kTiles; ++t) {
      fetch_ahead(data + t * apart);
      const __m512i entry = load(data + t * apart);
      acc[t][0] = add_exact(acc[t][0], entry, low, codebook);
      acc[t][1] = add_exact(acc[t][1], _mm512_srli_epi32(entry, 8), low, codebook);
      acc[t][0] = add_exact(acc[t][0], _mm512_srli_epi32(entry, 16), high, codebook);
      acc[t][1] = add_exact(acc[t][1], _mm512_srli_epi32(entry, 24), high, codebook);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < kTiles; ++t) _mm512_storeu_ps(sums + t * rows.apart, _mm512_add_ps(acc[t][0], acc[t][1]));
}

void sum_exact(const CellsView& w, const float* x, Range rows, float* sums) {
  in_streams<4, kCellRows>(rows, [&](auto streams) {
    sum_exact_streams<streams.kCount>(w, x, streams, sums + (streams.row - rows.begin));
  });
}

}  // namespace

const CellsKernels kCellsAvx512{quantize, sum, sum_exact, store<Avx512>};

}  // namespace featherweight::kernels
