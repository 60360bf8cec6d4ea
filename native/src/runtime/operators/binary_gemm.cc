// Linear layers of binary weights, one sample at a time.
#include <algorithm>

#include "kernels/binary/binary.h"
#include "kernels/binary_weight/binary_weight.h"
#include "runtime/operators/binary_layer.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

struct BinaryGemm {
  std::int64_t count, depth, rows;  // x [count x depth], y [count x rows]
  bool has_map;
  LayerEnd end;
  std::unique_ptr<kernels::Matrix> matrix;
  std::size_t thread_bytes = 0;
  int x, y;

  void run(const Memory& memory) const {
    const int tile = matrix->row_tile(), tiles = static_cast<int>((rows + tile - 1) / tile);
    const int pieces = std::min(tiles, memory.pool.threads() == 1 ? 1 : memory.pool.threads());
    const int each = (tiles + pieces - 1) / pieces * tile;
    for (std::int64_t i = 0; i < count; ++i) {
      const float* const in = memory.values[x] + i * depth;
      const float map = has_map ? magnitude(in, depth) / static_cast<float>(depth) : 1.0f;
      memory.pool.run(pieces, [&](int piece, int thread) {
        const kernels::Range range{piece * each, std::min(static_cast<int>(rows), (piece + 1) * each)};
        if (range.begin >= range.end) return;
        kernels::Epilogue e = end.at(memory, 0, i * rows);
        if (has_map) e.column_scale = &map;
        matrix->multiply_vector(in, memory.values[y] + i * rows, e, range, memory.scratch + thread * thread_bytes);
      });
    }
  }
};

}  // namespace

Shapes binary_gemm_shapes(const Model& model, const Node& node) {
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  if (x.size() != 2 || w.size() != 2 || x[1] != w[1]) {
    throw std::invalid_argument("matrices " + text(x) + " and " + text(w) + " do not fit");
  }
  return {{x[0], w[0]}};
}

void build_binary_gemm(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  const std::vector<float> signs = model.floats(node, 1);
  const int rows = static_cast<int>(w[0]), depth = static_cast<int>(w[1]);
  auto gemm = std::make_shared<BinaryGemm>(BinaryGemm{x[0], depth, rows, has_scale_map(node), binary_end(plan, node, rows),
                                                      {}, 0, node.inputs[0], node.outputs[0]});
  gemm->matrix = has_binary_input(node) ? kernels::make_binary(signs.data(), rows, depth, 1)
                                        : kernels::make_binary_weight(signs.data(), rows, depth);
  gemm->thread_bytes = whole_lines(gemm->matrix->scratch_bytes());
  Step step = plan.step_of(node);
  step.format = gemm->matrix->format();
  step.weight_bytes = gemm->matrix->bytes();
  step.scratch_bytes = static_cast<std::size_t>(plan.threads()) * gemm->thread_bytes;
  step.run = [gemm](const Memory& memory) { gemm->run(memory); };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
