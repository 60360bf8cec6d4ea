// The specification: a weight is codebook[code]; sums in the order of k.
#include <cmath>

#include "kernels/codebook/codebook.h"
#include "kernels/finish_scalar.h"

namespace featherweight::kernels {
namespace {

int code_at(const Codes& codes, int row, int k) {
  const std::uint8_t* const at = codes.packed + row * codes.row_bytes;
  if (codes.num_bits == 8) return at[k];
  const int byte = at[k / 32 * 16 + k % 16];
  return k % 32 >= 16 ? byte >> 4 : byte & 15;
}

void multiply_vector(const Codes& codes, const float* x, float* y, const Epilogue& epilogue, Range rows) {
  for (int row = rows.begin; row < rows.end; ++row) {
    float sum = 0.0f;
    for (int k = 0; k < codes.depth; ++k) sum += codes.codebook[code_at(codes, row, k)] * x[k];
    y[row] = finished(sum, epilogue, row, row);
  }
}

void multiply_bytes(const Codes& codes, const std::uint8_t* x, const Quantization& q, float* y,
                    const Epilogue& epilogue, Range rows) {
  for (int row = rows.begin; row < rows.end; ++row) {
    std::int32_t sum = -q.zero_point * codes.row_sum[row];
    for (int k = 0; k < codes.depth; ++k) sum += static_cast<std::int8_t>(codes.whole[code_at(codes, row, k)]) * x[arranged(k)];
    y[row] = finished(static_cast<float>(sum) * (codes.step * q.scale), epilogue, row, row);
  }
}

void multiply_words(const Codes& codes, const std::int16_t* x, float x_step, float* y,
                    const Epilogue& epilogue, Range rows) {
  for (int row = rows.begin; row < rows.end; ++row) {
    std::int64_t sum = 0;
    for (int k = 0; k < codes.depth; ++k) {
      const int code = code_at(codes, row, k);
      const int value = static_cast<std::int8_t>(codes.whole[16 + code]) * 256 + codes.whole[code];
      sum += value * x[arranged_words(k)];
    }
    y[row] = finished(static_cast<float>(sum) * (codes.step * x_step), epilogue, row, row);
  }
}

void expand(const Codes& codes, Range rows, int row_tile, float* out) {
  for (int first = rows.begin; first < rows.end; first += row_tile) {
    for (int k = 0; k < codes.depth; ++k) {
      for (int row = first; row < first + row_tile; ++row) {
        *out++ = row < rows.end ? codes.codebook[code_at(codes, row, k)] : 0.0f;
      }
    }
  }
}

}  // namespace

const CodebookKernels kCodebookScalar{multiply_vector, multiply_bytes, multiply_words, expand};

}  // namespace featherweight::kernels
