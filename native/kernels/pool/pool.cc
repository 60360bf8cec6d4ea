#include "kernels/pool/pool.h"

#include <algorithm>

namespace featherweight::kernels {

std::size_t pool_line_size(const PlaneWindow& w) {
  constexpr int kMaxLanes = 16;
  const int outputs = (w.out_width + kMaxLanes - 1) / kMaxLanes * kMaxLanes;
  const int read = (outputs - 1) * w.stride_x + (w.kernel_x - 1) * w.dilation_x + 1 + kMaxLanes;
  return static_cast<std::size_t>(std::max(read, w.pad_left + w.in_width));
}

}  // namespace featherweight::kernels
