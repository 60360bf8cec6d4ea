// Convolutions of 8-bit weights. The input is elements of four channels, quantized here unless the layer before
// wrote them (`Node::output8`), padded and split into phases as floats are (planes.h).
#include <algorithm>
#include <cstring>

#include "kernels/int8/pack.h"
#include "runtime/operators/conv.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

using kernels::Int8x4;

std::size_t bytes_of(std::int64_t elements) { return whole_lines(static_cast<std::size_t>(elements) * sizeof(Int8x4)); }

int groups_of(std::int64_t channels) { return static_cast<int>(kernels::int8x4_count(channels)); }

struct Int8Conv {
  Planes planes;
  std::int64_t batch, channels, rows;
  kernels::Quantization input;
  bool reads_elements;
  std::optional<Output8> output8;
  LayerEnd end;
  std::unique_ptr<kernels::Int8Matrix> matrix;
  std::vector<std::int32_t> offsets;
  int x, y;  // y: -1 where only output8 is written

  Int8Conv(const Model& model, const Node& node, LayerEnd end);
  std::int64_t in_plane() const { return planes.window.in_height * planes.window.in_width; }
  std::int64_t out_plane() const { return planes.window.out_height * planes.window.out_width; }
  // The whole input serves as it lies in memory.
  bool is_direct() const { return planes.is_direct && reads_elements; }
  std::size_t quantized_bytes() const { return planes.is_direct || reads_elements ? 0 : bytes_of(in_plane()); }

  const Int8x4* elements(const Memory& memory, std::int64_t image) const;
  void fill(const Memory& memory, std::int64_t image, int group, unsigned char* quantized, Int8x4* filled) const;
  void multiply(const Memory& memory, const Int8x4* data, std::int64_t image, kernels::Range row_range,
                kernels::Range columns, void* scratch) const;
};

Int8Conv::Int8Conv(const Model& model, const Node& node, LayerEnd layer_end)
    : planes(conv_window(model, node)), batch(model.input(node, 0).shape[0]), channels(model.input(node, 0).shape[1]),
      rows(model.input(node, 1).shape[0]), input(*node.input8), reads_elements(model.input(node, 0).is_int8x4),
      output8(node.output8), end(layer_end), x(node.inputs[0]), y(node.outputs[0]) {
  if (channels * planes.plane_size > INT32_MAX || rows > INT32_MAX) refuse(node, "its input is too large");
}

// Of an image whose elements the layer before wrote.
const Int8x4* Int8Conv::elements(const Memory& memory, std::int64_t image) const {
  return reinterpret_cast<const Int8x4*>(memory.values[x]) + image * groups_of(channels) * in_plane();
}

// The planes of four channels; `quantized` has `quantized_bytes`.
void Int8Conv::fill(const Memory& memory, std::int64_t image, int group, unsigned char* quantized, Int8x4* filled) const {
  const std::int64_t pixels = in_plane();
  const Int8x4* from;
  if (reads_elements) {
    from = elements(memory, image) + group * pixels;
  } else {
    const float* const floats = memory.values[x] + image * channels * pixels;
    const float* of_channel[4];
    for (int i = 0; i < 4; ++i) {
      const std::int64_t c = group * 4 + i;
      of_channel[i] = c < channels ? floats + c * pixels : nullptr;
    }
    auto* const to = planes.is_direct ? filled : reinterpret_cast<Int8x4*>(quantized);
    kernels::quantize_channels(of_channel, static_cast<int>(pixels), input, to);
    from = to;
  }
  if (planes.is_direct) return;
  // Elements are moved as floats are: neither is computed with.
  const Int8x4 zero = kernels::zero_element(input);
  float padding;
  std::memcpy(&padding, &zero, sizeof padding);
  planes.fill(reinterpret_cast<const float*>(from), reinterpret_cast<float*>(filled), padding);
}

void Int8Conv::multiply(const Memory& memory, const Int8x4* data, std::int64_t image, kernels::Range row_range,
                        kernels::Range columns, void* scratch) const {
  if (row_range.begin >= row_range.end) return;
  kernels::Product p;
  p.rows = static_cast<int>(rows);
  p.depth = static_cast<int>(offsets.size());
  p.x = {data, offsets.data(), input.scale, input.zero_point};
  p.columns = planes.columns();
  p.y = y < 0 ? nullptr : memory.values[y] + image * rows * out_plane();
  p.y_stride = out_plane();
  p.epilogue = end.at(memory, 0, image * rows * out_plane());
  if (!output8) return matrix->multiply(p, row_range, columns, scratch);
  kernels::QuantizedOutput bytes;
  bytes.data = reinterpret_cast<Int8x4*>(memory.values[output8->value]) + image * groups_of(rows) * out_plane();
  bytes.stride = out_plane();
  bytes.row_pitch = static_cast<int>(planes.window.out_width);
  bytes.quantization = output8->quantization;
  matrix->multiply_quantized(p, bytes, row_range, columns, scratch);
}

// Every filter reads all channels.
struct WholeConv : Int8Conv {
  using Int8Conv::Int8Conv;

  std::size_t planes_bytes() const { return is_direct() ? 0 : bytes_of(groups_of(channels) * planes.plane_size); }
  std::size_t thread_bytes() const { return std::max(quantized_bytes(), whole_lines(matrix->scratch_bytes())); }
  void run(const Memory& memory) const;
};

void WholeConv::run(const Memory& memory) const {
  auto* const filled = reinterpret_cast<Int8x4*>(memory.scratch);
  unsigned char* const threads = memory.scratch + planes_bytes();
  const Pieces pieces = cut(*matrix, rows, planes.columns().count, groups_of(channels) * planes.phases * 4, memory.pool.threads());
  for (std::int64_t image = 0; image < batch; ++image) {
    if (!is_direct()) {
      memory.pool.run(groups_of(channels), [&](int group, int thread) {
        fill(memory, image, group, threads + thread * thread_bytes(), filled + group * planes.plane_size);
      });
    }
    const Int8x4* const data = is_direct() ? elements(memory, image) : filled;
    memory.pool.run(pieces.count(), [&](int piece, int thread) {
      multiply(memory, data, image, pieces.row_range(piece, static_cast<int>(rows)),
               pieces.column_range(piece, planes.columns().count), threads + thread * thread_bytes());
    });
  }
}

// Every filter reads one channel: four are filled and filtered while they are in the cache.
struct DepthwiseConv : Int8Conv {
  using Int8Conv::Int8Conv;

  std::size_t planes_bytes() const { return is_direct() ? 0 : bytes_of(planes.plane_size); }
  std::size_t thread_bytes() const { return planes_bytes() + quantized_bytes(); }
  void run(const Memory& memory) const;
};

void DepthwiseConv::run(const Memory& memory) const {
  const int groups = groups_of(channels);
  memory.pool.run(static_cast<int>(batch) * groups, [&](int piece, int thread) {
    const std::int64_t image = piece / groups;
    const int group = piece % groups;
    unsigned char* const scratch = memory.scratch + thread * thread_bytes();
    auto* const filled = reinterpret_cast<Int8x4*>(scratch);
    if (!is_direct()) fill(memory, image, group, scratch + planes_bytes(), filled);
    const Int8x4* const data = is_direct() ? elements(memory, image) + group * in_plane() : filled;
    const kernels::Range of_group{group * 4, std::min(group * 4 + 4, static_cast<int>(rows))};
    multiply(memory, data, image, of_group, {0, planes.columns().count}, nullptr);
  });
}

template <class Conv>
void add_step(Plan& plan, const Node& node, std::shared_ptr<Conv> conv, std::size_t shared_bytes) {
  Step step = plan.step_of(node);
  step.format = conv->matrix->format();
  step.weight_bytes = conv->matrix->bytes();
  step.scratch_bytes = shared_bytes + static_cast<std::size_t>(plan.threads()) * conv->thread_bytes();
  plan.try_in_residual(node);
  step.run = [conv](const Memory& memory) { conv->run(memory); };
  plan.add(std::move(step));
}

}  // namespace

void build_int8_conv(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape& w = model.input(node, 1).shape;
  const LayerEnd end = layer_end(plan, node, 2, w[0]);
  if (w[1] == 1) {
    auto conv = std::make_shared<DepthwiseConv>(model, node, end);
    conv->matrix = make_int8_depthwise(plan, node);
    conv->offsets = conv->planes.offsets(1);
    return add_step(plan, node, conv, 0);
  }
  auto conv = std::make_shared<WholeConv>(model, node, end);
  const int taps = static_cast<int>(conv->planes.window.kernel_y * conv->planes.window.kernel_x);
  Use use{static_cast<int>(w[0]), static_cast<int>(w[1]) * taps, false};
  use.taps = taps;
  conv->matrix = make_int8(plan, node, use);
  conv->offsets = conv->planes.offsets(groups_of(conv->channels));
  add_step(plan, node, conv, conv->planes_bytes());
}

}  // namespace featherweight::runtime
