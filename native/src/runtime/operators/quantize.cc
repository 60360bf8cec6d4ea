// QuantizeLinear and DequantizeLinear that no layer takes over (quantized.h, fuse.h). Values of every type are
// held as floats: a quantized one holds whole numbers.
#include <cmath>

#include "kernels/dispatch.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

// Scale and zero point of element i are those at i / inner % size.
struct Along {
  std::vector<float> scale, zero_point;
  std::int64_t inner = 1;
};

Along along(const Model& model, const Node& node) {
  Along a;
  a.scale = model.floats(node, 1);
  a.zero_point = node.has_input(2) ? model.floats(node, 2) : std::vector<float>(a.scale.size(), 0.0f);
  const Shape& shape = model.input(node, 0).shape;
  if (a.scale.size() != 1) {
    const std::size_t axis = axis_of(node.integer("axis", 1), shape.size());
    if (static_cast<std::int64_t>(a.scale.size()) != shape[axis]) refuse(node, "its scales do not fit " + text(shape));
    for (std::size_t k = axis + 1; k < shape.size(); ++k) a.inner *= shape[k];
  }
  if (a.scale.empty() || a.zero_point.size() != a.scale.size()) refuse(node, "its zero points do not fit its scales");
  return a;
}

// `f(x, scale, zero_point)` of every element.
template <typename F>
void build_each(Plan& plan, const Node& node, F f) {
  const Along a = along(plan.model(), node);
  plan.need_constant(node, 0);
  Step step = plan.step_of(node);
  step.run = [a, f, count = elements(plan.model().output(node).shape), x = node.inputs[0], y = node.outputs[0]](const Memory& m) {
    const auto size = static_cast<std::int64_t>(a.scale.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i / a.inner % size);
      m.values[y][i] = f(m.values[x][i], a.scale[at], a.zero_point[at]);
    }
  };
  plan.add(std::move(step));
}

// There and back at once.
void build_rounding(Plan& plan, const Node& node) {
  plan.need_constant(node, 0);
  Step step = plan.step_of(node);
  plan.try_in_place(node.outputs[0], node.inputs[0]);
  step.run = [ending = node.tail.ending, count = elements(plan.model().output(node).shape), x = node.inputs[0],
              y = node.outputs[0]](const Memory& m) {
    const float one = 1.0f;
    kernels::active_kernels().elementwise.combine(kernels::Operation::multiply, m.values[x], 1, &one, 0, m.values[y],
                                           static_cast<std::ptrdiff_t>(count), ending);
  };
  plan.add(std::move(step));
}

}  // namespace

void build_quantize(Plan& plan, const Node& node) {
  if (node.tail.ending.step != 0.0f) return build_rounding(plan, node);
  const DType dtype = output_dtype(plan.model(), node);
  if (dtype != DType::uint8 && dtype != DType::int8) refuse(node, std::string("it quantizes to 8 bits, not to ") + name_of(dtype));
  const float low = dtype == DType::int8 ? -128.0f : 0.0f, high = low + 255.0f;
  build_each(plan, node, [low, high](float x, float scale, float zero_point) {
    const float q = std::nearbyint(x / scale) + zero_point;
    return q > high ? high : q > low ? q : low;  // NaN becomes the lowest
  });
}

void build_dequantize(Plan& plan, const Node& node) {
  build_each(plan, node, [](float x, float scale, float zero_point) { return (x - zero_point) * scale; });
}

}  // namespace featherweight::runtime
