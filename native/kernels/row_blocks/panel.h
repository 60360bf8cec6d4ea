// A tile of columns of X copied side by side, for every vector width. Unwanted columns are left out:
// what follows computes no sum that is dropped later. And the rows of a panel are aligned and lie in
// different sets of the cache, which rows of X a power of two apart do not.
#pragma once

#include "kernels/product.h"

namespace featherweight::kernels {
namespace {

// Stored columns begin ... begin + count - 1 as runs that lie side by side in X, for tiles of at most
// kMost columns.
template <int kMost>
struct Runs {
  int count = 0;
  int from[kMost], length[kMost];

  Runs(const Columns& columns, int begin, int columns_count) {
    for (int done = 0; done < columns_count; ++count) {
      const int group = (begin + done) / columns.width, in_group = (begin + done) % columns.width;
      const int left = columns_count - done;
      const int rest = columns.dense() ? left : columns.width - in_group;
      from[count] = columns.dense() ? begin + done : group * columns.pitch + in_group;
      length[count] = rest < left ? rest : left;
      done += length[count];
    }
  }
};

// panel[d * stride + i] = X[d][run columns], zeros up to a whole vector: what lay there before might be subnormal, and
// a multiply-add with it takes a hundred cycles. Writes at most a vector beyond.
template <class V, int kMost>
void pack_panel(const float* x, const std::int32_t* offsets, int depth, const Runs<kMost>& runs, int stride,
                float* panel) {
  for (int d = 0; d < depth; ++d) {
    const float* const row = x + offsets[d];
    float* to = panel + static_cast<std::ptrdiff_t>(d) * stride;
    for (int run = 0; run < runs.count; ++run) {
      const float* const from = row + runs.from[run];
      const int length = runs.length[run];
      int i = 0;
      for (; i + V::kLanes <= length; i += V::kLanes) V::store(to + i, V::load(from + i));
      if (i < length) V::store(to + i, V::load(from + i, V::first(length - i)));
      to += length;
    }
    V::store(to, V::zero());
  }
}

}  // namespace
}  // namespace featherweight::kernels
