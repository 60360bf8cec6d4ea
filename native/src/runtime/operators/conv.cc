// Convolutions: any stride, padding, dilation and groups, in one or two dimensions.
#include <algorithm>
#include <cstring>

#include "runtime/epilogue.h"
#include "runtime/operators/conv.h"
#include "runtime/operators/operators.h"
#include "runtime/planes.h"

namespace featherweight::runtime {

Window conv_window(const Model& model, const Node& node) {
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  if (x.size() != w.size() || (x.size() != 3 && x.size() != 4)) {
    throw std::invalid_argument("a convolution has one or two spatial dimensions, but its input is " + text(x) +
                                " and its filters are " + text(w));
  }
  const std::int64_t groups = node.integer("group", 1);
  if (groups < 1 || w[0] % groups != 0 || w[0] == 0 || x[1] != w[1] * groups) {
    throw std::invalid_argument("filters " + text(w) + " in " + std::to_string(groups) + " groups do not fit an input " + text(x));
  }
  return window_of(node, x, x.size() == 3 ? 1 : w[2], w.back());
}

Pieces cut(const kernels::Matrix& matrix, std::int64_t rows, int columns, std::int64_t column_bytes, int threads) {
  // Rows of X that are read again and again while a row tile passes should stay in the cache. Where the matrix sees to
  // that, it gathers columns for all of its rows: threads get columns first, as long as a piece has enough of them.
  constexpr std::int64_t kCachedBytes = 512 << 10, kLeastColumns = 192;
  const std::int64_t tile = std::max(1, matrix.column_tile());
  const std::int64_t of_thread = std::clamp<std::int64_t>(columns / kLeastColumns, 1, threads == 1 ? 1 : 4 * threads);
  const std::int64_t by_cache =
      matrix.suits_caches() ? (columns + of_thread - 1) / of_thread : kCachedBytes / column_bytes;
  const int each_column = static_cast<int>(std::min<std::int64_t>(columns, std::max(tile, by_cache / tile * tile)));
  const int column_pieces = (columns + each_column - 1) / each_column;
  // Rows are cut only as far as threads need pieces.
  const int row_tiles = static_cast<int>((rows + matrix.row_tile() - 1) / matrix.row_tile());
  const int wanted = threads == 1 ? 1 : (4 * threads + column_pieces - 1) / column_pieces;
  const int row_pieces = std::min(row_tiles, wanted);
  const int each_row = (row_tiles + row_pieces - 1) / row_pieces * matrix.row_tile();
  return {row_pieces, column_pieces, each_row, each_column};
}

namespace {

struct Conv {
  Planes planes;
  std::int64_t batch, channels, rows, groups;
  LayerEnd end;
  std::vector<std::unique_ptr<kernels::Matrix>> matrices;  // one a group
  std::vector<std::int32_t> offsets;                       // of the rows of X within a group
  std::size_t planes_bytes = 0, thread_bytes = 0;          // of scratch
  int x, y;

  std::int64_t group_channels() const { return channels / groups; }
  std::int64_t group_rows() const { return rows / groups; }
  std::int64_t out_plane() const { return planes.window.out_height * planes.window.out_width; }

  void run(const Memory& memory) const;
  void multiply(const Memory& memory, const float* planes_data, float* y, std::int64_t image) const;
};

void Conv::multiply(const Memory& memory, const float* planes_data, float* out, std::int64_t image) const {
  // Groups may differ in format. Row tiles are powers of two: pieces that the largest divides suit all.
  const auto& coarsest = *std::max_element(matrices.begin(), matrices.end(), [](const auto& a, const auto& b) {
    return a->row_tile() < b->row_tile();
  });
  const Pieces pieces = cut(*coarsest, group_rows(), planes.columns().count, group_channels() * planes.phases * 4,
                            memory.pool.threads());
  memory.pool.run(static_cast<int>(groups) * pieces.count(), [&](int piece, int thread) {
    const int group = piece / pieces.count();
    const std::int64_t at = group * group_rows() * out_plane();
    kernels::Product p;
    p.rows = static_cast<int>(group_rows());
    p.depth = static_cast<int>(offsets.size());
    p.x = {planes_data + group * group_channels() * planes.plane_size, offsets.data()};
    p.columns = planes.columns();
    p.y = out + at;
    p.y_stride = out_plane();
    p.epilogue = end.at(memory, group * group_rows(), image * rows * out_plane() + at);
    const kernels::Range row_range = pieces.row_range(piece, p.rows);
    if (row_range.begin >= row_range.end) return;
    matrices[group]->multiply(p, row_range, pieces.column_range(piece, p.columns.count),
                              memory.scratch + planes_bytes + thread * thread_bytes);
  });
}

void Conv::run(const Memory& memory) const {
  const Window& w = planes.window;
  const std::int64_t in_plane = w.in_height * w.in_width;
  for (std::int64_t image = 0; image < batch; ++image) {
    const float* const in = memory.values[x] + image * channels * in_plane;
    const float* data = in;
    if (!planes.is_direct) {
      auto* const filled = reinterpret_cast<float*>(memory.scratch);
      memory.pool.run(static_cast<int>(channels), [&](int channel, int) {
        planes.fill(in + channel * in_plane, filled + channel * planes.plane_size);
      });
      data = filled;
    }
    multiply(memory, data, memory.values[y] + image * rows * out_plane(), image);
  }
}

}  // namespace

Shapes conv_shapes(const Model& model, const Node& node) {
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  const Window window = conv_window(model, node);
  Shape out{x[0], w[0], window.out_height, window.out_width};
  if (x.size() == 3) out.erase(out.begin() + 2);
  return {out};
}

void build_conv(Plan& plan, const Node& node) {
  if (node.input8) return build_int8_conv(plan, node);
  const Shape& w = plan.model().input(node, 1).shape;
  const Use use{static_cast<int>(w[0]), static_cast<int>(elements(w, 1, w.size())), false};
  WeightSource source(plan, node, 1, use);
  build_conv_of(plan, node, layer_end(plan, node, 2, w[0]), [&](kernels::Range rows) { return source.make(rows); });
}

void build_conv_of(Plan& plan, const Node& node, const LayerEnd& end, const MakeWeights& make) {
  const Model& model = plan.model();
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  if (w[1] == 1) return build_depthwise(plan, node, conv_window(model, node));
  auto conv = std::make_shared<Conv>(Conv{Planes(conv_window(model, node)), x[0], x[1], w[0], node.integer("group", 1),
                                          end, {}, {}, 0, 0, node.inputs[0], node.outputs[0]});
  const Planes& planes = conv->planes;
  if (conv->channels * planes.plane_size > INT32_MAX || conv->rows > INT32_MAX) refuse(node, "its input is too large");
  conv->offsets = planes.offsets(conv->group_channels());
  Step step = plan.step_of(node);
  for (std::int64_t g = 0; g < conv->groups; ++g) {
    const int begin = static_cast<int>(g * conv->group_rows());
    Weights weights = make({begin, begin + static_cast<int>(conv->group_rows())});
    step.format = weights.matrix->format();
    step.detail = weights.matrix->detail();
    step.note = weights.note;
    step.weight_bytes += weights.matrix->bytes();
    conv->thread_bytes = std::max(conv->thread_bytes, whole_lines(weights.matrix->scratch_bytes()));
    conv->matrices.push_back(std::move(weights.matrix));
  }
  if (!planes.is_direct) {
    conv->planes_bytes = whole_lines(static_cast<std::size_t>(conv->channels * planes.plane_size) * sizeof(float));
  }
  step.scratch_bytes = conv->planes_bytes + static_cast<std::size_t>(plan.threads()) * conv->thread_bytes;
  plan.try_in_residual(node);
  step.run = [conv](const Memory& memory) { conv->run(memory); };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
