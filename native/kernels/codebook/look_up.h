// Products with codes, for every vector width: codes to values in registers, as many as there are lanes.
// Included by files of one instruction set only.
#pragma once

#include "kernels/codebook/codebook.h"
#include "kernels/finish.h"
#include "kernels/streams.h"

namespace featherweight::kernels {
namespace {

// One row's sum to y.
template <class V>
void store_one(float sum, int row, float* y, const Epilogue& e) {
  Product one;
  one.columns = {1, 1, 1};
  one.y = y;
  one.y_stride = 1;
  one.epilogue = e;
  store_row<V>(&sum, 0, 1, row, one);
}

// Products with quantized inputs; `Sums` has the exact sums of some rows side by side.
template <class V, class Sums>
void multiply_bytes(const Codes& codes, const std::uint8_t* x, const Quantization& q, float* y, const Epilogue& e,
                    Range rows) {
  in_streams<4, 1>(rows, [&](auto streams) {
    std::int32_t sums[streams.kCount];
    Sums::add_bytes(codes, x, streams, sums);
    for (int r = 0; r < streams.kCount; ++r) {
      const int row = streams.row_of(r);
      const std::int32_t sum = sums[r] - q.zero_point * codes.row_sum[row];
      store_one<V>(static_cast<float>(sum) * (codes.step * q.scale), row, y, e);
    }
  });
}

template <class V, class Sums>
void multiply_words(const Codes& codes, const std::int16_t* x, float x_step, float* y, const Epilogue& e, Range rows) {
  in_streams<4, 1>(rows, [&](auto streams) {
    std::int64_t sums[streams.kCount];
    Sums::add_words(codes, x, streams, sums);
    for (int r = 0; r < streams.kCount; ++r) {
      store_one<V>(static_cast<float>(sums[r]) * (codes.step * x_step), streams.row_of(r), y, e);
    }
  });
}

template <class V>
float sum_of_lanes(typename V::Float a) {
  float lanes[V::kLanes];
  V::store(lanes, a);
  for (int width = V::kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

// The values of codes k ... k + kLanes - 1 of a row, k a multiple of kLanes.
template <class V>
struct Look4 {
  static constexpr int kStep = 32;  // codes that `multiply_vector` takes at a time
  typename V::Table table;
  explicit Look4(const Codes& codes) : table(V::load_table(codes.codebook)) {}
  typename V::Float at(const std::uint8_t* row, int k) const {
    const auto bytes = V::widen_bytes(row + k / 32 * 16 + k % 16);
    return k % 32 >= 16 ? V::high_half(table, bytes) : V::low_half(table, bytes);
  }
};

template <class V>
struct Look8 {
  static constexpr int kStep = V::kLanes;
  const float* codebook;
  explicit Look8(const Codes& codes) : codebook(codes.codebook) {}
  typename V::Float at(const std::uint8_t* row, int k) const {
    return V::gather(codebook, V::widen_bytes(row + k));
  }
};

template <class V, class Look, int kRows>
void multiply_rows(const Codes& codes, const Look& look, const float* x, float* y, const Epilogue& e, int row) {
  constexpr int kVectors = Look::kStep / V::kLanes;
  const std::uint8_t* const first = codes.packed + row * codes.row_bytes;
  typename V::Float sums[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) sums[r] = V::zero();
  int k = 0;
  for (; k + Look::kStep <= codes.depth; k += Look::kStep) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const auto values = V::load(x + k + v * V::kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        sums[r] = V::fma(look.at(first + r * codes.row_bytes, k + v * V::kLanes), values, sums[r]);
      }
    }
  }
  for (; k < codes.depth; k += V::kLanes) {
    const int left = codes.depth - k;
    const auto values = V::load(x + k, V::first(left < V::kLanes ? left : V::kLanes));
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      sums[r] = V::fma(look.at(first + r * codes.row_bytes, k), values, sums[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) store_one<V>(sum_of_lanes<V>(sums[r]), row + r, y, e);
}

template <class V, class Look>
void multiply_all(const Codes& codes, const float* x, float* y, const Epilogue& e, Range rows) {
  const Look look(codes);
  int row = rows.begin;
  for (; row + 4 <= rows.end; row += 4) multiply_rows<V, Look, 4>(codes, look, x, y, e, row);
  for (; row < rows.end; ++row) multiply_rows<V, Look, 1>(codes, look, x, y, e, row);
}

template <class V>
void multiply_vector(const Codes& codes, const float* x, float* y, const Epilogue& e, Range rows) {
  if (codes.num_bits == 4) return multiply_all<V, Look4<V>>(codes, x, y, e, rows);
  multiply_all<V, Look8<V>>(codes, x, y, e, rows);
}

// Four rows at a time (two in the rest of a tile), turned so that rows lie side by side.
template <class V, class Look>
void expand_panel(const Codes& codes, const Look& look, Range rows, int row_tile, float* out) {
  for (int r = 0; r < row_tile; r += 4) {
    const int wide = row_tile - r < 4 ? row_tile - r : 4;
    for (int k = 0; k < codes.depth; k += V::kLanes) {
      typename V::Float values[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const int row = rows.begin + r + i;
        values[i] = row < rows.end && i < wide ? look.at(codes.packed + row * codes.row_bytes, k) : V::zero();
      }
      const int left = codes.depth - k, count = left < V::kLanes ? left : V::kLanes;
      V::store_turned(values, count, wide, out + static_cast<std::ptrdiff_t>(k) * row_tile + r, row_tile);
    }
  }
}

template <class V>
void expand(const Codes& codes, Range rows, int row_tile, float* out) {
  for (int row = rows.begin; row < rows.end; row += row_tile) {
    const Range panel{row, rows.end < row + row_tile ? rows.end : row + row_tile};
    if (codes.num_bits == 4) {
      expand_panel<V>(codes, Look4<V>(codes), panel, row_tile, out);
    } else {
      expand_panel<V>(codes, Look8<V>(codes), panel, row_tile, out);
    }
    out += static_cast<std::ptrdiff_t>(codes.depth) * row_tile;
  }
}

}  // namespace
}  // namespace featherweight::kernels
