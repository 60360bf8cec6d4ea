// The specification of products with cells.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/finish_scalar.h"
#include "kernels/two_of_sixteen/cells.h"

namespace featherweight::kernels {
namespace {

float quantize(const float* x, int depth, int padded, std::int8_t* q) {
  float largest = 0.0f;
  bool finite = true;
  for (int i = 0; i < depth; ++i) {
    finite = finite && std::isfinite(x[i]);
    largest = std::max(largest, std::abs(x[i]));
  }
  const float inverse = 127.0f / largest;
  std::memset(q, 0, static_cast<std::size_t>(padded));
  if (!finite) return NAN;
  if (!std::isfinite(inverse)) return 0.0f;
  for (int i = 0; i < depth; ++i) q[i] = static_cast<std::int8_t>(std::nearbyint(x[i] * inverse));
  return largest / 127.0f;
}

// Calls use(column, narrow entry or 8-bit weight) for all entries of a row.
template <class Use>
void for_each_entry(const CellsView& w, int row, Use use) {
  const int bytes = (w.wide ? 2 : 1) * kCellBytes;
  const std::uint8_t* data = w.data + static_cast<std::ptrdiff_t>(row / kCellRows) * w.cells * bytes;
  for (int cell = 0; cell < w.cells; ++cell, data += bytes) {
    for (int slot = 0; slot < kCellEntries; ++slot) {
      const int at = row % kCellRows * kCellEntries + slot;
      const int position = w.wide ? data[at] : slot / 2 * 16 + (data[at] & 15);
      use(cell * kCellColumns + position, w.wide ? data[kCellBytes + at] : data[at]);
    }
  }
}

void sum(const CellsView& w, const std::int8_t* q, Range rows, std::int32_t* sums) {
  for (int row = rows.begin; row < rows.end; ++row) {
    std::int32_t total = 0;
    for_each_entry(w, row, [&](int column, std::uint8_t entry) {
      total += q[column] * (w.wide ? static_cast<std::int8_t>(entry) : w.rounded[entry >> 4]);
    });
    sums[row - rows.begin] = total;
  }
}

void sum_exact(const CellsView& w, const float* x, Range rows, float* sums) {
  for (int row = rows.begin; row < rows.end; ++row) {
    float total = 0.0f;
    for_each_entry(w, row, [&](int column, std::uint8_t entry) {
      total += x[column] * w.codebook[entry >> 4];
    });
    sums[row - rows.begin] = total;
  }
}

void store(const float* sums, Range rows, float* y, const Epilogue& epilogue) {
  for (int row = rows.begin; row < rows.end; ++row) {
    y[row] = finished(sums[row - rows.begin], epilogue, row, row);
  }
}

}  // namespace

const CellsKernels kCellsScalar{quantize, sum, sum_exact, store};

}  // namespace featherweight::kernels
