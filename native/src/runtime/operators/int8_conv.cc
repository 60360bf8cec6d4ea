// Convolutions of 8-bit weights. The input is quantized to elements of four channels, and the elements are padded
// and split into phases as floats are (planes.h).
#include <algorithm>

#include "kernels/int8/pack.h"
#include "runtime/operators/conv.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

using kernels::Int8x4;

struct Int8Conv {
  Planes planes;
  std::int64_t batch, channels, rows;
  kernels::Quantization input;
  LayerEnd end;
  std::unique_ptr<kernels::Matrix> matrix;
  std::vector<std::int32_t> offsets;
  int x, y;
  // Of scratch, one after the other: elements as the input lies, padded elements, each thread's.
  std::size_t elements_bytes = 0, planes_bytes = 0, thread_bytes = 0;

  int groups() const { return static_cast<int>((channels + 3) / 4); }
  std::int64_t in_plane() const { return planes.window.in_height * planes.window.in_width; }
  std::int64_t out_plane() const { return planes.window.out_height * planes.window.out_width; }

  void set_sizes() {
    const auto lines = [](std::int64_t elements) { return (static_cast<std::size_t>(elements) * 4 + 63) / 64 * 64; };
    elements_bytes = lines(groups() * in_plane());
    planes_bytes = planes.is_direct ? 0 : lines(groups() * planes.plane_size);
    thread_bytes = (matrix->scratch_bytes() + 63) / 64 * 64;
  }

  void run(const Memory& memory) const;
  void pack(const float* image, int group, Int8x4* packed, Int8x4* padded) const;
  void multiply(const Memory& memory, const void* data, std::int64_t image) const;
};

// Planes are padded with zeros, but padding is the zero point: both are turned around it and back.
void Int8Conv::pack(const float* image, int group, Int8x4* packed, Int8x4* padded) const {
  const std::int64_t pixels = in_plane();
  const float* from[4];
  for (int c = 0; c < 4; ++c) from[c] = group * 4 + c < channels ? image + (group * 4 + c) * pixels : nullptr;
  packed += group * pixels;
  kernels::quantize_channels(from, static_cast<int>(pixels), input, packed);
  if (planes.is_direct) return;
  padded += group * planes.plane_size;
  const Int8x4 zero = kernels::zero_element(input);
  if (zero != 0) {
    for (std::int64_t i = 0; i < pixels; ++i) packed[i] ^= zero;
  }
  // Elements are moved as floats are: neither is computed with.
  planes.fill(reinterpret_cast<const float*>(packed), reinterpret_cast<float*>(padded));
  if (zero != 0) {
    for (std::int64_t i = 0; i < planes.plane_size; ++i) padded[i] ^= zero;
  }
}

void Int8Conv::multiply(const Memory& memory, const void* data, std::int64_t image) const {
  const Pieces pieces = cut(*matrix, rows, planes.columns().count, groups() * planes.phases * 4, memory.pool.threads());
  kernels::Product p;
  p.rows = static_cast<int>(rows);
  p.depth = static_cast<int>(offsets.size());
  p.x = {data, offsets.data(), input.scale, input.zero_point};
  p.columns = planes.columns();
  p.y = memory.values[y] + image * rows * out_plane();
  p.y_stride = out_plane();
  p.epilogue = end.at(memory, 0, image * rows * out_plane());
  unsigned char* const scratch = memory.scratch + elements_bytes + planes_bytes;
  memory.pool.run(pieces.count(), [&](int piece, int thread) {
    const kernels::Range row_range = pieces.row_range(piece, p.rows);
    if (row_range.begin >= row_range.end) return;
    matrix->multiply(p, row_range, pieces.column_range(piece, p.columns.count), scratch + thread * thread_bytes);
  });
}

void Int8Conv::run(const Memory& memory) const {
  auto* const packed = reinterpret_cast<Int8x4*>(memory.scratch);
  auto* const padded = reinterpret_cast<Int8x4*>(memory.scratch + elements_bytes);
  for (std::int64_t image = 0; image < batch; ++image) {
    const float* const in = memory.values[x] + image * channels * in_plane();
    memory.pool.run(groups(), [&](int group, int) { pack(in, group, packed, padded); });
    multiply(memory, planes.is_direct ? packed : padded, image);
  }
}

}  // namespace

void build_int8_conv(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  const LayerEnd end = layer_end(plan, node, 2, w[0]);
  auto conv = std::make_shared<Int8Conv>(Int8Conv{Planes(conv_window(model, node)), x[0], x[1], w[0], *node.input8, end,
                                                  {}, {}, node.inputs[0], node.outputs[0]});
  const Planes& planes = conv->planes;
  if (x[1] * planes.plane_size > INT32_MAX || w[0] > INT32_MAX) refuse(node, "its input is too large");
  const int taps = static_cast<int>(planes.window.kernel_y * planes.window.kernel_x);
  Use use{static_cast<int>(w[0]), static_cast<int>(x[1]) * taps, false};
  use.taps = taps;
  conv->matrix = make_int8(plan, node, use).matrix;
  conv->offsets = planes.offsets(conv->groups());
  conv->set_sizes();
  Step step = plan.step_of(node);
  step.format = conv->matrix->format();
  step.weight_bytes = conv->matrix->bytes();
  step.scratch_bytes = conv->elements_bytes + conv->planes_bytes + static_cast<std::size_t>(plan.threads()) * conv->thread_bytes;
  plan.try_in_residual(node);
  step.run = [conv](const Memory& memory) { conv->run(memory); };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
