#include "runtime/planes.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/dispatch.h"

namespace featherweight::runtime {
namespace {

constexpr std::int64_t kLargest = 65536;  // kernel, dilation, padding
constexpr std::int64_t kLargestStride = 1024;  // phases are counted by its square

std::int64_t out_size(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                      std::int64_t before, std::int64_t after, bool rounds_up) {
  if (kernel < 1 || kernel > kLargest) throw std::invalid_argument("a window of " + std::to_string(kernel) + " pixels is out of range");
  const std::int64_t span = (kernel - 1) * dilation + 1, free = in + before + after - span;
  if (free < 0) {
    throw std::invalid_argument("a window of " + std::to_string(span) + " does not fit into " +
                                std::to_string(in + before + after) + " pixels");
  }
  std::int64_t out = free / stride + 1;
  // The last window must begin inside the input or its padding before.
  if (rounds_up && free % stride != 0 && out * stride < in + before) ++out;
  return out;
}

std::vector<std::int64_t> pairs(const Node& node, const char* name, std::size_t spatial, std::int64_t most) {
  std::vector<std::int64_t> values = node.integers(name, std::vector<std::int64_t>(spatial, 1));
  if (values.size() != spatial) throw std::invalid_argument(std::string("attribute '") + name + "' has the wrong length");
  if (spatial == 1) values.insert(values.begin(), 1);
  for (const std::int64_t value : values) {
    if (value < 1 || value > most) throw std::invalid_argument(std::string("attribute '") + name + "' is out of range");
  }
  return values;
}

}  // namespace

Window window_of(const Node& node, const Shape& input, std::int64_t kernel_y, std::int64_t kernel_x) {
  const std::size_t spatial = input.size() - 2;
  const auto strides = pairs(node, "strides", spatial, kLargestStride), dilations = pairs(node, "dilations", spatial, kLargest);
  std::vector<std::int64_t> pads = node.integers("pads", std::vector<std::int64_t>(2 * spatial, 0));
  if (pads.size() != 2 * spatial) throw std::invalid_argument("attribute 'pads' has the wrong length");
  if (spatial == 1) pads = {0, pads[0], 0, pads[1]};
  for (const std::int64_t pad : pads) {
    if (pad < 0 || pad > kLargest) throw std::invalid_argument("attribute 'pads' is out of range");
  }
  const bool rounds_up = node.integer("ceil_mode", 0) != 0;
  Window w{};
  w.in_height = spatial == 1 ? 1 : input[2];
  w.in_width = input.back();
  w.kernel_y = kernel_y;
  w.kernel_x = kernel_x;
  w.stride_y = strides[0];
  w.stride_x = strides[1];
  w.dilation_y = dilations[0];
  w.dilation_x = dilations[1];
  w.pad_top = pads[0];
  w.pad_left = pads[1];
  w.pad_bottom = pads[2];
  w.pad_right = pads[3];
  w.out_height = out_size(w.in_height, kernel_y, w.stride_y, w.dilation_y, w.pad_top, w.pad_bottom, rounds_up);
  w.out_width = out_size(w.in_width, kernel_x, w.stride_x, w.dilation_x, w.pad_left, w.pad_right, rounds_up);
  return w;
}

kernels::PlaneWindow plane_window(const Window& w) {
  const auto size = [](std::int64_t value) { return static_cast<int>(value); };
  return {size(w.in_height),  size(w.in_width),   size(w.out_height), size(w.out_width),
          size(w.kernel_y),   size(w.kernel_x),   size(w.stride_y),   size(w.stride_x),
          size(w.dilation_y), size(w.dilation_x), size(w.pad_top),    size(w.pad_left)};
}

Planes::Planes(const Window& w) : window(w), split(kernels::active_kernels().planes.split) {
  const std::int64_t span_y = (w.out_height - 1) * w.stride_y + (w.kernel_y - 1) * w.dilation_y + 1;
  const std::int64_t span_x = (w.out_width - 1) * w.stride_x + (w.kernel_x - 1) * w.dilation_x + 1;
  is_direct = w.stride_y == 1 && w.stride_x == 1 && w.pad_top == 0 && w.pad_left == 0 &&
              span_y <= w.in_height && span_x <= w.in_width;
  if (is_direct) {
    phase_height = w.in_height;
    pitch = w.in_width;
  } else {
    phase_height = (span_y + w.stride_y - 1) / w.stride_y;
    pitch = (span_x + w.stride_x - 1) / w.stride_x;
  }
  phase_of.assign(static_cast<std::size_t>(w.stride_y * w.stride_x), -1);
  for (std::int64_t ky = 0; ky < w.kernel_y; ++ky) {
    for (std::int64_t kx = 0; kx < w.kernel_x; ++kx) {
      const std::int64_t y = ky * w.dilation_y % w.stride_y, x = kx * w.dilation_x % w.stride_x;
      int& phase = phase_of[static_cast<std::size_t>(y * w.stride_x + x)];
      if (phase < 0) phase = phases++;
    }
  }
  plane_size = checked_product(phases, checked_product(phase_height, pitch));
  if (plane_size > INT32_MAX) throw std::invalid_argument("a padded plane would have " + std::to_string(plane_size) + " pixels");
}

kernels::Columns Planes::columns() const {
  kernels::Columns columns;
  columns.pitch = static_cast<int>(pitch);
  columns.width = static_cast<int>(window.out_width);
  columns.count = static_cast<int>((window.out_height - 1) * pitch + window.out_width);
  return columns;
}

std::int32_t Planes::offset(std::int64_t ky, std::int64_t kx) const {
  const std::int64_t y = ky * window.dilation_y, x = kx * window.dilation_x;
  const int phase = phase_of[static_cast<std::size_t>(y % window.stride_y * window.stride_x + x % window.stride_x)];
  return static_cast<std::int32_t>((phase * phase_height + y / window.stride_y) * pitch + x / window.stride_x);
}

std::vector<std::int32_t> Planes::offsets(std::int64_t channels) const {
  std::vector<std::int32_t> all;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t ky = 0; ky < window.kernel_y; ++ky) {
      for (std::int64_t kx = 0; kx < window.kernel_x; ++kx) {
        all.push_back(static_cast<std::int32_t>(c * plane_size) + offset(ky, kx));
      }
    }
  }
  return all;
}

void Planes::fill(const float* channel, float* planes, float padding) const {
  const Window& w = window;
  split({w.in_height, w.in_width, w.pad_top, w.pad_left, w.stride_y, w.stride_x, phase_height, pitch, phase_of.data(), padding},
        channel, planes);
}

}  // namespace featherweight::runtime
