// The last step of a matrix-vector product, where rows are the lanes.
#pragma once

#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

// `sums`, `y` and the epilogue's pointers are those of row 0.
template <class V>
void store_rows(const float* sums, Range rows, float* y, const Epilogue& e) {
  for (int row = rows.begin; row < rows.end; row += V::kLanes) {
    const int left = rows.end - row, count = left < V::kLanes ? left : V::kLanes;
    const auto mask = V::first(count);
    const auto scale = e.scale ? V::load(e.scale + row, mask) : V::fill(1.0f);
    const auto bias = e.bias ? V::load(e.bias + row, mask) : V::zero();
    const auto residual = e.residual ? V::load(e.residual + row, mask) : V::zero();
    V::store_first(y + row, count, finished<V>(V::load(sums + row, mask), e, scale, bias, residual));
  }
}

}  // namespace
}  // namespace featherweight::kernels
