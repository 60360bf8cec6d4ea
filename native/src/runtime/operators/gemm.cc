// Linear layers and matrix products.
#include <algorithm>

#include "kernels/finish_scalar.h"
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
  const bool is_dense = stored.format == Format::raw && !node.input8;
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
  const Use use{static_cast<int>(rows), static_cast<int>(depth), true, is_transposed};
  Weights weights = node.input8 ? Weights{make_int8(plan, node, use), ""}
                                : WeightSource(plan, node, 1, use).make({0, static_cast<int>(rows)});
  step.format = weights.matrix->format();
  step.detail = weights.matrix->detail();
  step.note = weights.note;
  step.weight_bytes = weights.matrix->bytes();
  auto linear = std::make_shared<Linear>(Linear{count, depth, rows, end, std::move(weights.matrix), 0,
                                                node.inputs[0], node.outputs[0]});
  linear->thread_bytes = whole_lines(linear->matrix->vector_scratch_bytes());
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
  const Shape out{a[turns_a ? 1 : 0], b[turns_b ? 0 : 1]};
  if (node.has_input(2) && broadcast(model.input(node, 2).shape, out) != out) {
    throw std::invalid_argument("a bias " + text(model.input(node, 2).shape) + " does not fit " + text(out));
  }
  return {out};
}

namespace {

// Whether `bias` has one value for all, or one for each of `columns`, when it is added to [rows x columns].
bool is_a_vector(const Shape& bias, std::int64_t columns) {
  const std::int64_t count = elements(bias);
  return count == 1 || (count == columns && bias.back() == columns);
}

// alpha * A' * B' + beta * C of any operands, as they lie in memory.
struct GeneralGemm {
  DenseProduct product;
  std::int64_t rows, depth, columns, a_stride, a_step;
  bool turns_b;
  float alpha, beta;
  Shape c_strides;
  kernels::Ending end;
  std::size_t turned_bytes;
  int a, b, c, y;

  void run(const Memory& m) const {
    const float* right = m.values[b];
    if (turns_b) {
      auto* const turned = reinterpret_cast<float*>(m.scratch);
      for (std::int64_t d = 0; d < depth; ++d) {
        for (std::int64_t i = 0; i < columns; ++i) turned[d * columns + i] = right[i * depth + d];
      }
      right = turned;
    }
    product.run(m.values[a], a_stride, a_step, right, m.values[y], {}, m.scratch + turned_bytes, m.pool);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* const line = m.values[y] + r * columns;
      for (std::int64_t i = 0; i < columns; ++i) {
        const float extra = c < 0 ? 0.0f : beta * m.values[c][r * c_strides[0] + i * c_strides[1]];
        line[i] = kernels::ended(alpha * line[i] + extra, end);
      }
    }
  }
};

void build_general_gemm(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape& y = model.output(node).shape;
  const bool turns_a = node.integer("transA", 0) != 0, turns_b = node.integer("transB", 0) != 0;
  const std::int64_t depth = model.input(node, 0).shape[turns_a ? 0 : 1];
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.has_input(i)) plan.need_constant(node, i);
  }
  const kernels::Ending end = node.tail.ending;
  const Shape strides = node.has_input(2) ? broadcast_strides(model.input(node, 2).shape, y) : Shape{0, 0};
  const std::size_t turned = turns_b ? whole_lines(static_cast<std::size_t>(depth * y[1]) * sizeof(float)) : 0;
  auto gemm = std::make_shared<GeneralGemm>(GeneralGemm{
      DenseProduct(y[0], depth, y[1]), y[0], depth, y[1], turns_a ? 1 : depth, turns_a ? y[0] : 1, turns_b,
      node.real("alpha", 1.0f), node.real("beta", 1.0f), strides, end, turned, node.inputs[0], node.inputs[1],
      node.has_input(2) ? node.inputs[2] : -1, node.outputs[0]});
  Step step = plan.step_of(node);
  step.scratch_bytes = turned + gemm->product.scratch_bytes(plan.threads());
  step.run = [gemm](const Memory& memory) { gemm->run(memory); };
  plan.add(std::move(step));
}

}  // namespace

void build_gemm(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape& y = model.output(node).shape;
  const bool is_plain = node.integer("transA", 0) == 0 && node.real("alpha", 1.0f) == 1.0f && node.real("beta", 1.0f) == 1.0f;
  const bool is_stored = model.input(node, 0).stored == nullptr && model.input(node, 1).stored != nullptr;
  const bool has_vector = !node.has_input(2) || (model.input(node, 2).stored != nullptr && is_a_vector(model.input(node, 2).shape, y[1]));
  if (!is_plain || !is_stored || !has_vector) return build_general_gemm(plan, node);
  build_linear(plan, node, y[0], model.input(node, 0).shape[1], y[1], node.integer("transB", 0) == 0);
}

namespace {

// The operands as matrices: a vector on the left is a row, one on the right a column.
struct Matrices {
  Shape a, b;
};

Matrices matrices_of(const Model& model, const Node& node) {
  Matrices m{model.input(node, 0).shape, model.input(node, 1).shape};
  if (m.a.size() == 1) m.a.insert(m.a.begin(), 1);
  if (m.b.size() == 1) m.b.push_back(1);
  return m;
}

}  // namespace

Shapes matmul_shapes(const Model& model, const Node& node) {
  const auto [a, b] = matrices_of(model, node);
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    throw std::invalid_argument("matrices " + text(model.input(node, 0).shape) + " and " +
                                text(model.input(node, 1).shape) + " do not fit");
  }
  Shape out = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (model.input(node, 0).shape.size() > 1) out.push_back(a[a.size() - 2]);
  if (model.input(node, 1).shape.size() > 1) out.push_back(b.back());
  return {out};
}

void build_matmul(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const auto [a, b] = matrices_of(model, node);
  const std::int64_t depth = a.back(), columns = b.back();
  const bool is_stored = model.input(node, 0).stored == nullptr && model.input(node, 1).stored != nullptr;
  if (is_stored && b.size() == 2) {
    return build_linear(plan, node, elements(a) / std::max<std::int64_t>(depth, 1), depth, columns, true);
  }
  plan.need_constant(node, 0);
  plan.need_constant(node, 1);
  Step step = plan.step_of(node);
  const std::int64_t rows = a[a.size() - 2];
  const Shape outer = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
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
  e.ending = node.tail.ending;
  step.run = [=, in_a = node.inputs[0], in_b = node.inputs[1], out = node.outputs[0]](const Memory& m) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      product.run(m.values[in_a] + pairs[i].first, depth, 1, m.values[in_b] + pairs[i].second,
                  m.values[out] + static_cast<std::int64_t>(i) * rows * columns, e, m.scratch, m.pool);
    }
  };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
