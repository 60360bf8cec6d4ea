// Convolutions whose filters read one channel each: channels are read where they lie.
#include "kernels/dispatch.h"
#include "runtime/epilogue.h"
#include "runtime/operators/operators.h"
#include "runtime/planes.h"

namespace featherweight::runtime {

void build_depthwise(Plan& plan, const Node& node, const Window& w) {
  const Shape& x = plan.model().input(node, 0).shape;
  const std::int64_t channels = x[1], rows = plan.model().input(node, 1).shape[0], each = rows / channels;
  const std::int64_t in_plane = w.in_height * w.in_width, out_plane = w.out_height * w.out_width;
  const kernels::PlaneWindow layer = plane_window(w);
  const LayerEnd end = layer_end(plan, node, 2, rows);
  Step step = plan.step_of(node);
  const std::size_t before = plan.kept_bytes;
  const float* const weights = plan.keep(plan.model().floats(node, 1));
  step.weight_bytes = plan.kept_bytes - before;
  plan.kept_bytes = before;
  step.format = "dense";
  plan.try_in_residual(node);
  step.run = [=, taps = w.kernel_y * w.kernel_x, batch = x[0], in = node.inputs[0], out = node.outputs[0],
              channel = kernels::active_kernels().depthwise.channel](const Memory& m) {
    m.pool.run(static_cast<int>(batch * rows), [&](int plane, int) {
      const std::int64_t row = plane % rows, image = plane / rows;
      channel(layer, weights + row * taps, m.values[in] + (image * channels + row / each) * in_plane, static_cast<int>(row),
              m.values[out] + plane * out_plane, end.at(m, 0, plane * out_plane));
    });
  };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
