#include "kernels/binary_weight/tile.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {
namespace {

// A permutation looks 16 rows up at once in a register that holds a group's sums. The tables of
// kBlock words of x are made once for every kPanels panels.
constexpr int kBlock = 16, kPanels = 8;

void multiply_vector(const std::uint32_t* packed, int words, const float* x, float* y,
                     const Epilogue& epilogue, Range rows) {
  alignas(64) float tables[kBlock * kGroupsOfWord * kSums], sums[kPanels * kPanel];
  for (int first = rows.begin; first < rows.end; first += kPanels * kPanel) {
    const int left = rows.end - first, count = left < kPanels * kPanel ? left : kPanels * kPanel;
    for (int i = 0; i < kPanels * kPanel; ++i) sums[i] = 0.0f;
    for (int word = 0; word < words; word += kBlock) {
      const int used = words - word < kBlock ? words - word : kBlock;
      for (int g = 0; g < used * kGroupsOfWord; ++g) make_sums(x + word * 32 + g * kGroup, tables + g * kSums);
      for (int i = 0; i < count; i += kPanel) {
        const std::uint32_t* const w =
            packed + (static_cast<std::ptrdiff_t>((first + i) / kPanel) * words + word) * kPanel;
        __m512 sum = _mm512_load_ps(sums + i);
        for (int k = 0; k < used; ++k) {
          __m512i bits = _mm512_load_si512(w + k * kPanel);
#pragma GCC unroll 8
          for (int g = 0; g < kGroupsOfWord; ++g, bits = _mm512_srli_epi32(bits, 4)) {
            const __m512 table = _mm512_load_ps(tables + (k * kGroupsOfWord + g) * kSums);
            sum = _mm512_add_ps(sum, _mm512_permutexvar_ps(bits, table));
          }
        }
        _mm512_store_ps(sums + i, sum);
      }
    }
    store_rows<Avx512>(sums, first, count, y, epilogue);
  }
}

using Tile = BinaryWeightTile<Avx512, 2, 1>;

}  // namespace

const BinaryWeightKernels kBinaryWeightAvx512{Tile::kColumns, Tile::scratch_bytes, Tile::multiply, multiply_vector};

}  // namespace featherweight::kernels
