// Linear layers and matrix products.
#include <algorithm>

#include "runtime/epilogue.h"
#include "runtime/operators/operators.h"
#include "runtime/operators/product.h"
#include "runtime/weights.h"

namespace featherweight::runtime {
namespace {

// From so many rows on, x is packed and multiplied with dense weights as they lie in memory.
constexpr std::int64_t kManyRows = 4;

struct Linear {
  std::int64_t count, depth, rows;  // x [count x depth], y [count x rows]
  LayerEnd end;
  std::unique_ptr<kernels::Matrix> matrix;
  std::size_t thread_bytes = 0;
  int x, y;

  void run(const Memory& memory) const {
    const int tile = matrix->row_tile(), tiles = static_cast<int>((rows + tile - 1) / tile);
    const int pieces = std::min(tiles, memory.pool.threads() == 1 ? 1 : 4 * memory.pool.threads());
    const int each = (tiles + pieces - 1) / pieces * tile;
    for (std::int64_t i = 0; i < count; ++i) {
      memory.pool.run(pieces, [&](int piece, int thread) {
        const kernels::Range range{piece * each, std::min(static_cast<int>(rows), (piece + 1) * each)};
        if (range.begin >= range.end) return;
        matrix->multiply_vector(memory.values[x] + i * depth, memory.values[y] + i * rows, end.at(memory, 0, i * rows),
                                range, memory.scratch + thread * thread_bytes);
      });
    }
  }
};

// Dense weights [depth x rows] and many rows of x. The bias is a column's: it is laid into y first.
struct ManyRows {
  DenseProduct product;
  std::int64_t count, depth, rows;
  LayerEnd end;
  const float* weights;
  int x, y;

  void run(const Memory& memory) const {
    float* const out = memory.values[y];
    kernels::Epilogue e = end.at(memory, 0, 0);
    if (e.bias) {
      for (std::int64_t i = 0; i < count; ++i) std::copy(e.bias, e.bias + rows, out + i * rows);
      e.bias = nullptr;
      e.residual = out;
    }
    product.run(memory.values[x], depth, 1, weights, out, e, memory.scratch, memory.pool);
  }
};

std::vector<float> turned(const std::vector<float>& weights, std::int64_t rows, std::int64_t columns) {
  std::vector<float> out(weights.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      out[static_cast<std::size_t>(c * rows + r)] = weights[static_cast<std::size_t>(r * columns + c)];
    }
  }
  return out;
}

// y [count x rows] = x [count x depth] * W; the file holds W, or its transpose.
void build_linear(Plan& plan, const Node& node, std::int64_t count, std::int64_t depth, std::int64_t rows,
                  bool is_transposed) {
  Step step = plan.step_of(node);
  LayerEnd end = layer_end(plan, node, 2, rows);
  const Tensor& stored = *plan.model().input(node, 1).stored;
  const bool is_dense = stored.format == Format::raw;
  if (count >= kManyRows && is_dense) {
    std::vector<float> weights = plan.model().floats(node, 1);
    if (!is_transposed) weights = turned(weights, rows, depth);
    const std::size_t before = plan.kept_bytes;
    auto many = std::make_shared<ManyRows>(ManyRows{DenseProduct(count, depth, rows), count, depth, rows, end,
                                                    plan.keep(std::move(weights)), node.inputs[0], node.outputs[0]});
    step.format = "dense";
    step.weight_bytes = plan.kept_bytes - before;
    plan.kept_bytes = before;
    step.scratch_bytes = many->product.scratch_bytes(plan.threads());
    step.run = [many](const Memory& memory) { many->run(memory); };
    return plan.add(std::move(step));
  }
  const Use use{static_cast<int>(rows), static_cast<int>(depth), 1, is_transposed};
  Weights weights = WeightSource(plan, node, 1, use).make({0, static_cast<int>(rows)});
  step.format = weights.matrix->format();
  step.note = weights.note;
  step.weight_bytes = weights.matrix->bytes();
  auto linear = std::make_shared<Linear>(Linear{count, depth, rows, end, std::move(weights.matrix), 0,
                                                node.inputs[0], node.outputs[0]});
  linear->thread_bytes = (linear->matrix->scratch_bytes() + 63) / 64 * 64;
  step.scratch_bytes = static_cast<std::size_t>(plan.threads()) * linear->thread_bytes;
  step.run = [linear](const Memory& memory) { linear->run(memory); };
  plan.add(std::move(step));
}

}  // namespace

Shapes gemm_shapes(const Model& model, const Node& node) {
  const Shape &a = model.input(node, 0).shape, &b = model.input(node, 1).shape;
  if (a.size() != 2 || b.size() != 2) throw std::invalid_argument("it multiplies matrices, but got " + text(a) + " and " + text(b));
  const bool turns_a = node.integer("transA", 0) != 0, turns_b = node.integer("transB", 0) != 0;
  if (a[turns_a ? 0 : 1] != b[turns_b ? 1 : 0]) throw std::invalid_argument("matrices " + text(a) + " and " + text(b) + " do not fit");
  return {{a[turns_a ? 1 : 0], b[turns_b ? 0 : 1]}};
}

void build_gemm(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  if (node.integer("transA", 0) != 0 || node.real("alpha", 1.0f) != 1.0f || node.real("beta", 1.0f) != 1.0f) {
    refuse(node, "only alpha = beta = 1 and an untransposed A are supported");
  }
  if (model.input(node, 1).stored == nullptr) refuse(node, "its weights must be stored in the file");
  const Shape& y = model.output(node).shape;
  build_linear(plan, node, y[0], model.input(node, 0).shape[1], y[1], node.integer("transB", 0) == 0);
}

Shapes matmul_shapes(const Model& model, const Node& node) {
  const Shape &a = model.input(node, 0).shape, &b = model.input(node, 1).shape;
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    throw std::invalid_argument("matrices " + text(a) + " and " + text(b) + " do not fit");
  }
  Shape out = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  out.push_back(a[a.size() - 2]);
  out.push_back(b.back());
  return {out};
}

void build_matmul(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape &a = model.input(node, 0).shape, &b = model.input(node, 1).shape, &y = model.output(node).shape;
  const std::int64_t depth = a.back(), columns = b.back();
  if (model.input(node, 1).stored != nullptr && b.size() == 2) {
    return build_linear(plan, node, elements(a) / depth, depth, columns, true);
  }
  plan.need_constant(node, 0);
  plan.need_constant(node, 1);
  Step step = plan.step_of(node);
  const std::int64_t rows = a[a.size() - 2];
  const Shape outer(y.begin(), y.end() - 2);
  const Shape a_strides = broadcast_strides(Shape(a.begin(), a.end() - 2), outer);
  const Shape b_strides = broadcast_strides(Shape(b.begin(), b.end() - 2), outer);
  // Which matrix of a and of b each matrix of y is made of.
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  for (std::int64_t i = 0; i < elements(outer); ++i) {
    std::int64_t rest = i, in_a = 0, in_b = 0;
    for (std::size_t k = outer.size(); k-- > 0;) {
      in_a += rest % outer[k] * a_strides[k];
      in_b += rest % outer[k] * b_strides[k];
      rest /= outer[k];
    }
    pairs.emplace_back(in_a * rows * depth, in_b * depth * columns);
  }
  const DenseProduct product(rows, depth, columns);
  step.scratch_bytes = product.scratch_bytes(plan.threads());
  kernels::Epilogue e;
  e.activation = node.tail.activation;
  e.low = node.tail.low;
  e.high = node.tail.high;
  step.run = [=, in_a = node.inputs[0], in_b = node.inputs[1], out = node.outputs[0]](const Memory& m) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      product.run(m.values[in_a] + pairs[i].first, depth, 1, m.values[in_b] + pairs[i].second,
                  m.values[out] + static_cast<std::int64_t>(i) * rows * columns, e, m.scratch, m.pool);
    }
  };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
