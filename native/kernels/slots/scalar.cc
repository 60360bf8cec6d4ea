// The list of what found no slot. Vectors would not help: their gather takes longer than these loads.
#include "kernels/slots/slots.h"

namespace featherweight::kernels {

std::int32_t overflow_sum(const std::uint16_t* columns, const std::int8_t* weights, int entries,
                          const std::int8_t* x) {
  std::int32_t a = 0, b = 0;
  int i = 0;
  for (; i + 2 <= entries; i += 2) {
    a += x[columns[i]] * weights[i];
    b += x[columns[i + 1]] * weights[i + 1];
  }
  return i < entries ? a + b + x[columns[i]] * weights[i] : a + b;
}

float overflow_sum(const std::uint16_t* columns, const std::uint8_t* codes, int entries, const float* x,
                   const float* codebook) {
  float sums[4] = {};
  int i = 0;
  for (; i + 4 <= entries; i += 4) {
    for (int k = 0; k < 4; ++k) sums[k] += x[columns[i + k]] * codebook[codes[i + k]];
  }
  for (; i < entries; ++i) sums[0] += x[columns[i]] * codebook[codes[i]];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace featherweight::kernels
