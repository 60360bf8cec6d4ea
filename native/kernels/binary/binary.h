// Binary weights times binary inputs: all are +1 or -1, kept as their sign bits (1: negative).
#pragma once

#include <memory>

#include "kernels/matrix.h"

namespace featherweight::kernels {

// One instruction set's functions.
//
// Packed weights: panels of `row_tile` rows. A row's bytes (its words, little-endian) are cut into
// units of `unit` bytes; packed[(panel * units + u) * row_tile + row % row_tile] is unit u of a row.
// Rows that are missing in the last panel are zeros.
struct BinaryKernels {
  int row_tile, unit;
  int most_words;  // of a row, that `multiply` and `multiply_vector` can count
  std::size_t (*scratch_bytes)(int words);
  void (*multiply)(const void* packed, int words, int bits, const Product& product, Range rows,
                   Range columns, void* scratch);
  // `x`: one column, without gaps.
  void (*multiply_vector)(const void* packed, int words, int bits, const std::uint32_t* x, float* y,
                          const Epilogue& epilogue, Range rows);
  // See pack.h.
  void (*pack_planes)(const float* x, std::ptrdiff_t stride, int channels, int count,
                      std::uint32_t* signs, float* magnitudes);
  void (*pack_vector)(const float* x, int count, std::uint32_t* signs);
};

extern const BinaryKernels kBinaryScalar, kBinaryAvx2, kBinaryAvx512;

// `weights`: [rows][channels][taps], of which the signs count; 0 is positive. Elements of X are 32
// channels of one pixel, their order is [channels / 32][taps]: a depth of ceil(channels / 32) * taps.
// `multiply_vector` takes float32 [channels][taps] and packs it.
std::unique_ptr<Matrix> make_binary(const float* weights, int rows, int channels, int taps);

}  // namespace featherweight::kernels
