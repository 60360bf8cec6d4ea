// Binary weights times float32 inputs. The weights are +1 or -1, kept as their sign bits.
#pragma once

#include <memory>

#include "kernels/matrix.h"

namespace featherweight::kernels {

// One instruction set's functions.
//
// Packed weights: panels of 16 rows, packed[(row / 16 * words + word) * 16 + row % 16], bit d % 32 of
// word d / 32 is set where the weight of depth d is negative; rows and bits that are missing are 0.
struct BinaryWeightKernels {
  int column_tile;
  std::size_t (*scratch_bytes)(int rows, int words);
  void (*multiply)(const std::uint32_t* packed, int words, const Product& product, Range rows, Range columns,
                   void* scratch);
  // Reads ceil(depth / 32) * 32 elements of `x`, those beyond the depth being zeros.
  void (*multiply_vector)(const std::uint32_t* packed, int words, const float* x, float* y,
                          const Epilogue& epilogue, Range rows);
};

extern const BinaryWeightKernels kBinaryWeightScalar, kBinaryWeightAvx2, kBinaryWeightAvx512;

// `weights`: [rows][depth], of which the signs count; 0 is positive.
std::unique_ptr<Matrix> make_binary_weight(const float* weights, int rows, int depth);

}  // namespace featherweight::kernels
