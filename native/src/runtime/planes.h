// How a convolution's input lies, so that every tap of the filter sees contiguous columns.
//
// A plane is padded, and split into `stride_y * stride_x` phases (every stride_y-th line, every
// stride_x-th pixel). In a phase, the input of output column p = oy * pitch + ox under tap (ky, kx)
// lies at a fixed distance from p. Columns ox >= width of a line are sums over padding and are dropped.
// A plane that needs neither padding nor phases is read where it lies.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/planes/planes.h"
#include "kernels/product.h"
#include "kernels/window.h"
#include "runtime/model.h"

namespace featherweight::runtime {

// Two spatial dimensions; one-dimensional convolutions have height 1.
struct Window {
  std::int64_t in_height, in_width, out_height, out_width;
  std::int64_t kernel_y, kernel_x, stride_y, stride_x, dilation_y, dilation_x;
  std::int64_t pad_top, pad_left, pad_bottom, pad_right;
};

// From the attributes kernel_shape, strides, dilations, pads and ceil_mode of `node`.
// Throws std::invalid_argument where the window does not fit the input.
Window window_of(const Node& node, const Shape& input, std::int64_t kernel_y, std::int64_t kernel_x);

// The same for kernels that read planes where they lie.
kernels::PlaneWindow plane_window(const Window& window);

struct Planes {
  explicit Planes(const Window& window);

  Window window;
  bool is_direct;             // the input itself serves
  std::int64_t phase_height, pitch;
  std::vector<int> phase_of;  // by (line phase * stride_x + pixel phase): its number, or -1 if no tap needs it
  int phases = 0;
  std::int64_t plane_size;    // elements of one channel's phases
  decltype(kernels::PlaneKernels::split) split;

  kernels::Columns columns() const;
  // Where tap (ky, kx) of a channel begins, from the channel's begin.
  std::int32_t offset(std::int64_t ky, std::int64_t kx) const;
  // The same of every tap, line by line, of each of `channels` channels.
  std::vector<std::int32_t> offsets(std::int64_t channels) const;
  // Writes the phases of one channel, padded. Pixels are four bytes that are moved as they are, so that elements
  // of four 8-bit channels go the same way.
  void fill(const float* channel, float* planes, float padding = 0.0f) const;
};

}  // namespace featherweight::runtime
