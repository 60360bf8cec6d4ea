// Convolutions of binary weights. A binary input is packed to sign bits, 32 channels to a word, and the
// words are padded and split into phases as floats are (planes.h): a word of zeros is 32 times +1.
#include <algorithm>

#include "kernels/binary/binary.h"
#include "kernels/binary/pack.h"
#include "kernels/binary_weight/binary_weight.h"
#include "runtime/operators/binary_layer.h"
#include "runtime/operators/conv.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

constexpr int kPixels = 256;  // packed in one piece

struct BinaryConv {
  Planes planes;
  std::int64_t batch, channels, rows;
  bool has_map;
  LayerEnd end;
  std::unique_ptr<kernels::Matrix> matrix;
  std::vector<std::int32_t> offsets;
  int x, y;
  // Of scratch, one after the other: words as the input lies, padded words, sums of |x|, K, each thread's.
  std::size_t words_bytes = 0, planes_bytes = 0, sums_bytes = 0, map_bytes = 0, thread_bytes = 0;

  int words() const { return kernels::words_of(static_cast<int>(channels)); }
  std::int64_t in_plane() const { return planes.window.in_height * planes.window.in_width; }
  std::int64_t out_plane() const { return planes.window.out_height * planes.window.out_width; }

  void set_sizes() {
    const auto lines = [](std::int64_t elements) { return whole_lines(static_cast<std::size_t>(elements) * 4); };
    words_bytes = lines(words() * in_plane());
    planes_bytes = planes.is_direct ? 0 : lines(words() * planes.plane_size);
    sums_bytes = has_map ? lines(in_plane()) : 0;
    map_bytes = has_map ? lines(out_plane()) : 0;
    thread_bytes = whole_lines(matrix->scratch_bytes());
  }
  std::size_t shared_bytes() const { return words_bytes + planes_bytes + sums_bytes + map_bytes; }

  void run(const Memory& memory) const;
  void pack(const float* image, std::uint32_t* packed, float* sums, ThreadPool& pool) const;
  void make_map(const float* sums, float* map, ThreadPool& pool) const;
  void multiply(const Memory& memory, const void* data, const float* map, std::int64_t image) const;
};

// `sums`: of |x| over the channels, a pixel each; null if nobody asks.
void BinaryConv::pack(const float* image, std::uint32_t* packed, float* sums, ThreadPool& pool) const {
  const std::int64_t pixels = in_plane();
  pool.run(static_cast<int>((pixels + kPixels - 1) / kPixels), [&](int piece, int) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kPixels;
    const int count = static_cast<int>(std::min<std::int64_t>(kPixels, pixels - first));
    if (sums) std::fill(sums + first, sums + first + count, 0.0f);
    for (int word = 0; word < words(); ++word) {
      const int channel = word * kernels::kBitsInWord;
      kernels::pack_planes(image + channel * pixels + first, pixels,
                           std::min(kernels::kBitsInWord, static_cast<int>(channels) - channel), count,
                           packed + word * pixels + first, sums ? sums + first : nullptr);
    }
  });
}

// K: the mean of |x| over each output pixel's window, in which padding is zero.
void BinaryConv::make_map(const float* sums, float* map, ThreadPool& pool) const {
  const Window& w = planes.window;
  const float share = 1.0f / static_cast<float>(channels * w.kernel_y * w.kernel_x);
  pool.run(static_cast<int>(w.out_height), [&](int oy, int) {
    float* const line = map + oy * w.out_width;
    std::fill(line, line + w.out_width, 0.0f);
    for (std::int64_t ky = 0; ky < w.kernel_y; ++ky) {
      const std::int64_t iy = oy * w.stride_y - w.pad_top + ky * w.dilation_y;
      if (iy < 0 || iy >= w.in_height) continue;
      for (std::int64_t kx = 0; kx < w.kernel_x; ++kx) {
        const std::int64_t shift = kx * w.dilation_x - w.pad_left;
        // 0 <= ox * stride + shift < in_width
        const std::int64_t begin = shift >= 0 ? 0 : (-shift + w.stride_x - 1) / w.stride_x;
        const std::int64_t last = w.in_width - 1 - shift;
        const std::int64_t stop = last < 0 ? 0 : std::min(w.out_width, last / w.stride_x + 1);
        const float* const in = sums + iy * w.in_width + shift;
        for (std::int64_t ox = begin; ox < stop; ++ox) line[ox] += in[ox * w.stride_x];
      }
    }
    for (std::int64_t ox = 0; ox < w.out_width; ++ox) line[ox] *= share;
  });
}

void BinaryConv::multiply(const Memory& memory, const void* data, const float* map, std::int64_t image) const {
  const int threads = memory.pool.threads(), columns = planes.columns().count, tile = matrix->row_tile();
  const int row_tiles = static_cast<int>((rows + tile - 1) / tile), wanted = threads == 1 ? 1 : 4 * threads;
  const int column_pieces = std::clamp(columns / 64, 1, wanted);
  const int row_pieces = std::min(row_tiles, (wanted + column_pieces - 1) / column_pieces);
  const int each_column = (columns + column_pieces - 1) / column_pieces;
  const int each_row = (row_tiles + row_pieces - 1) / row_pieces * tile;
  kernels::Product p;
  p.rows = static_cast<int>(rows);
  p.depth = static_cast<int>(offsets.size());
  p.x = {data, offsets.data()};
  p.columns = planes.columns();
  p.y = memory.values[y] + image * rows * out_plane();
  p.y_stride = out_plane();
  p.epilogue = end.at(memory, 0, image * rows * out_plane());
  p.epilogue.column_scale = map;
  memory.pool.run(row_pieces * column_pieces, [&](int piece, int thread) {
    const int row = piece / column_pieces * each_row, column = piece % column_pieces * each_column;
    const kernels::Range row_range{row, std::min(p.rows, row + each_row)};
    const kernels::Range column_range{column, std::min(columns, column + each_column)};
    if (row_range.begin >= row_range.end || column_range.begin >= column_range.end) return;
    matrix->multiply(p, row_range, column_range, memory.scratch + shared_bytes() + thread * thread_bytes);
  });
}

void BinaryConv::run(const Memory& memory) const {
  auto* const packed = reinterpret_cast<std::uint32_t*>(memory.scratch);
  auto* const padded = reinterpret_cast<std::uint32_t*>(memory.scratch + words_bytes);
  auto* const sums = has_map ? reinterpret_cast<float*>(memory.scratch + words_bytes + planes_bytes) : nullptr;
  auto* const map = has_map ? reinterpret_cast<float*>(memory.scratch + words_bytes + planes_bytes + sums_bytes) : nullptr;
  for (std::int64_t image = 0; image < batch; ++image) {
    pack(memory.values[x] + image * channels * in_plane(), packed, sums, memory.pool);
    if (!planes.is_direct) {
      memory.pool.run(words(), [&](int word, int) {
        // Words are moved as floats are: neither is computed with.
        planes.fill(reinterpret_cast<const float*>(packed + word * in_plane()),
                    reinterpret_cast<float*>(padded + word * planes.plane_size));
      });
    }
    if (has_map) make_map(sums, map, memory.pool);
    multiply(memory, planes.is_direct ? packed : padded, map, image);
  }
}

}  // namespace

void build_binary_conv(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  const std::vector<float> signs = model.floats(node, 1);
  const LayerEnd end = binary_end(plan, node, w[0]);
  if (w[1] != x[1]) refuse(node, "its filters must read all channels");
  if (!has_binary_input(node)) {
    const std::int64_t depth = elements(w, 1, w.size());
    return build_conv_of(plan, node, end, [&](kernels::Range rows) {
      return Weights{kernels::make_binary_weight(signs.data() + rows.begin * depth, rows.size(), static_cast<int>(depth)), ""};
    });
  }
  auto conv = std::make_shared<BinaryConv>(BinaryConv{Planes(conv_window(model, node)), x[0], x[1], w[0],
                                                      has_scale_map(node), end, {}, {}, node.inputs[0], node.outputs[0]});
  const Planes& planes = conv->planes;
  if (x[1] * planes.plane_size > INT32_MAX || w[0] > INT32_MAX) refuse(node, "its input is too large");
  const int taps = static_cast<int>(planes.window.kernel_y * planes.window.kernel_x);
  conv->matrix = kernels::make_binary(signs.data(), static_cast<int>(w[0]), static_cast<int>(x[1]), taps);
  conv->offsets = planes.offsets(conv->words());
  conv->set_sizes();
  Step step = plan.step_of(node);
  step.format = conv->matrix->format();
  step.weight_bytes = conv->matrix->bytes();
  step.scratch_bytes = conv->shared_bytes() + static_cast<std::size_t>(plan.threads()) * conv->thread_bytes;
  step.run = [conv](const Memory& memory) { conv->run(memory); };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
