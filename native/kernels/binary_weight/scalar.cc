// The specification; groups.h gives the order of the sums.
#include "kernels/binary_weight/binary_weight.h"
#include "kernels/binary_weight/groups.h"
#include "kernels/finish_scalar.h"

namespace featherweight::kernels {
namespace {

float group_sum(const float* x, std::uint32_t nibble) {
  const auto term = [&](int k) { return nibble >> k & 1u ? -x[k] : x[k]; };
  return (term(0) + term(1)) + (term(2) + term(3));
}

std::size_t scratch_bytes(int, int) { return 0; }

void multiply(const std::uint32_t* packed, int words, const Product& p, Range rows, Range columns, void*) {
  const auto* const x = static_cast<const float*>(p.x.data);
  for (int row = rows.begin; row < rows.end; ++row) {
    const std::uint32_t* const w = packed + static_cast<std::ptrdiff_t>(row / kPanel) * words * kPanel + row % kPanel;
    for (int column = columns.begin; column < columns.end; ++column) {
      if (!p.columns.wanted(column)) continue;
      float sum = 0.0f;
      for (int d = 0; d < p.depth; d += kGroup) {
        float group[kGroup] = {};
        for (int k = 0; k < kGroup && d + k < p.depth; ++k) group[k] = x[p.x.offsets[d + k] + column];
        sum += group_sum(group, w[d / 32 * kPanel] >> d % 32);
      }
      const int stored = p.columns.stored(column);
      const std::ptrdiff_t at = row * p.y_stride + stored;
      p.y[at] = finished(sum, p.epilogue, row, at, stored);
    }
  }
}

void multiply_vector(const std::uint32_t* packed, int words, const float* x, float* y,
                     const Epilogue& epilogue, Range rows) {
  for (int row = rows.begin; row < rows.end; ++row) {
    const std::uint32_t* const w = packed + static_cast<std::ptrdiff_t>(row / kPanel) * words * kPanel + row % kPanel;
    float sum = 0.0f;
    for (int d = 0; d < words * 32; d += kGroup) sum += group_sum(x + d, w[d / 32 * kPanel] >> d % 32);
    y[row] = finished(sum, epilogue, row, row, 0);
  }
}

}  // namespace

const BinaryWeightKernels kBinaryWeightScalar{1, scratch_bytes, multiply, multiply_vector};

}  // namespace featherweight::kernels
