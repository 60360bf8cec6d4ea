#include "kernels/binary_weight/tile.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {
namespace {

// A permutation looks 8 rows up at once in 8 of a group's 16 sums; bit 3 chooses between two of them.
constexpr int kBlock = 16, kHalves = 16;  // words of x; eighths of rows

void multiply_vector(const std::uint32_t* packed, int words, const float* x, float* y,
                     const Epilogue& epilogue, Range rows) {
  alignas(64) float tables[kBlock * kGroupsOfWord * kSums], sums[kHalves * 8];
  for (int first = rows.begin; first < rows.end; first += kHalves * 8) {
    const int left = rows.end - first, count = left < kHalves * 8 ? left : kHalves * 8;
    for (int i = 0; i < kHalves * 8; ++i) sums[i] = 0.0f;
    for (int word = 0; word < words; word += kBlock) {
      const int used = words - word < kBlock ? words - word : kBlock;
      for (int g = 0; g < used * kGroupsOfWord; ++g) make_sums(x + word * 32 + g * kGroup, tables + g * kSums);
      for (int i = 0; i < count; i += 8) {
        const int row = first + i;
        const std::uint32_t* const w =
            packed + (static_cast<std::ptrdiff_t>(row / kPanel) * words + word) * kPanel + row % kPanel;
        __m256 sum = _mm256_load_ps(sums + i);
        for (int k = 0; k < used; ++k) {
          __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + k * kPanel));
#pragma GCC unroll 8
          for (int g = 0; g < kGroupsOfWord; ++g, bits = _mm256_srli_epi32(bits, 4)) {
            const float* const table = tables + (k * kGroupsOfWord + g) * kSums;
            const __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), bits);
            const __m256 high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), bits);
            const __m256 is_high = _mm256_castsi256_ps(_mm256_slli_epi32(bits, 28));
            sum = _mm256_add_ps(sum, _mm256_blendv_ps(low, high, is_high));
          }
        }
        _mm256_store_ps(sums + i, sum);
      }
    }
    store_rows<Avx2>(sums, first, count, y, epilogue);
  }
}

using Tile = BinaryWeightTile<Avx2, 2, 2>;

}  // namespace

const BinaryWeightKernels kBinaryWeightAvx2{Tile::kColumns, Tile::scratch_bytes, Tile::multiply, multiply_vector};

}  // namespace featherweight::kernels
