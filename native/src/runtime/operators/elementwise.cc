// One number in, one number out; and sums, products and the like of two values with broadcasting.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"
#include "kernels/finish_scalar.h"
#include "runtime/operators/operators.h"
#include "runtime/walk.h"

namespace featherweight::runtime {
namespace {

using Unary = std::function<float(float)>;
using Loop = std::function<void(const float* x, float* y, std::int64_t count)>;

template <typename F>
Loop loop(F f) {
  return [f](const float* x, float* y, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[i]);
  };
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float bound(const Model& model, const Node& node, std::size_t input, float fallback) {
  return node.has_input(input) ? model.floats(node, input).at(0) : fallback;
}

Loop vector_loop(kernels::Function function, float a = 0.0f, float b = 0.0f) {
  return [=, apply = kernels::active_kernels().elementwise.apply](const float* x, float* y, std::int64_t count) {
    apply(function, a, b, x, y, count);
  };
}

Loop activation_of(const Model& model, const Node& node) {
  using kernels::Function;
  const std::string& op = node.op;
  if (op == "Relu") return vector_loop(Function::clip, 0.0f, kInfinity);
  if (op == "Clip") return vector_loop(Function::clip, bound(model, node, 1, -kInfinity), bound(model, node, 2, kInfinity));
  if (op == "HardSwish") return vector_loop(Function::hard_swish);
  if (op == "HardSigmoid") return vector_loop(Function::hard_sigmoid, node.real("alpha", 0.2f), node.real("beta", 0.5f));
  if (op == "Sigmoid") return vector_loop(Function::sigmoid);
  if (op == "Tanh") return vector_loop(Function::tanh);
  if (op == "Gelu") return vector_loop(node.word("approximate", "none") == "tanh" ? Function::gelu_tanh : Function::gelu);
  if (op == "LeakyRelu") return vector_loop(Function::leaky_relu, node.real("alpha", 0.01f));
  if (op == "Elu") {
    const float alpha = node.real("alpha", 1.0f);
    return loop([=](float x) { return x < 0.0f ? alpha * std::expm1(x) : x; });
  }
  if (op == "Softplus") {
    return loop([](float x) { return x > 20.0f ? x : std::log1p(std::exp(x)); });
  }
  return nullptr;
}

// The nearest float16, as a float.
float half(float x) {
  if (!(std::fabs(x) < 65520.0f)) return std::isnan(x) ? x : std::copysign(kInfinity, x);
  int exponent = 0;
  std::frexp(x, &exponent);
  const int last_bit = std::max(exponent - 11, -24);
  return std::ldexp(std::nearbyint(std::ldexp(x, -last_bit)), last_bit);
}

float wrapped(float x, float low) {
  const float from_low = std::fmod(std::trunc(x) - low, 256.0f);
  return (from_low < 0.0f ? from_low + 256.0f : from_low) + low;
}

// Values of every type are held as floats: what a cast does to their number. ONNX' numbers of types.
Loop cast_to(std::int64_t type) {
  switch (type) {
    case 2: return loop([](float x) { return wrapped(x, 0.0f); });
    case 3: return loop([](float x) { return wrapped(x, -128.0f); });
    case 6: case 7: return loop([](float x) { return std::trunc(x); });
    case 9: return loop([](float x) { return x != 0.0f ? 1.0f : 0.0f; });
    case 10: return loop(half);
    default: return loop([](float x) { return x; });
  }
}

Loop function_of(const Node& node) {
  if (node.op == "Cast") return cast_to(node.integer("to", 1));
  if (node.op == "Erf") return vector_loop(kernels::Function::erf);
  if (node.op == "Exp") return vector_loop(kernels::Function::exp);
  if (node.op == "Log") return loop([](float x) { return std::log(x); });
  if (node.op == "Sqrt") return loop([](float x) { return std::sqrt(x); });
  return loop([](float x) { return -x; });  // Neg
}

// The same for each pair, then the node's activation.
template <float (*f)(float, float)>
void combine(const Walk<2>& walk, const float* a, const float* b, float* y, const kernels::Ending& e) {
  const std::int64_t step_a = walk.strides[0].back(), step_b = walk.strides[1].back();
  walk.rows([&](std::int64_t at, const std::array<std::int64_t, 2>& from, std::int64_t length) {
    const float *const in_a = a + from[0], *const in_b = b + from[1];
    float* const out = y + at;
    if (step_a == 1 && step_b == 1) for (std::int64_t i = 0; i < length; ++i) out[i] = f(in_a[i], in_b[i]);
    else if (step_a == 1 && step_b == 0) for (std::int64_t i = 0; i < length; ++i) out[i] = f(in_a[i], *in_b);
    else for (std::int64_t i = 0; i < length; ++i) out[i] = f(in_a[i * step_a], in_b[i * step_b]);
    if (e.is_nothing()) return;
    for (std::int64_t i = 0; i < length; ++i) out[i] = kernels::ended(out[i], e);
  });
}

template <kernels::Operation operation>
void combine_vectors(const Walk<2>& walk, const float* a, const float* b, float* y, const kernels::Ending& e) {
  const std::int64_t step_a = walk.strides[0].back(), step_b = walk.strides[1].back();
  const auto combine = kernels::active_kernels().elementwise.combine;
  walk.rows([&](std::int64_t at, const std::array<std::int64_t, 2>& from, std::int64_t length) {
    const float *const in_a = a + from[0], *const in_b = b + from[1];
    if (step_a <= 1 && step_b <= 1) {
      return combine(operation, in_a, static_cast<int>(step_a), in_b, static_cast<int>(step_b), y + at, length, e);
    }
    for (std::int64_t i = 0; i < length; ++i) combine(operation, in_a + i * step_a, 0, in_b + i * step_b, 0, y + at + i, 1, e);
  });
}

float power(float a, float b) { return std::pow(a, b); }
float sloped(float a, float slope) { return a < 0.0f ? a * slope : a; }

using Pairwise = void (*)(const Walk<2>&, const float*, const float*, float*, const kernels::Ending&);

Pairwise pairwise_of(const Node& node) {
  if (node.op == "Add") return combine_vectors<kernels::Operation::add>;
  if (node.op == "Sub") return combine_vectors<kernels::Operation::subtract>;
  if (node.op == "Mul") return combine_vectors<kernels::Operation::multiply>;
  if (node.op == "Div") return combine_vectors<kernels::Operation::divide>;
  if (node.op == "Pow") return combine<power>;
  return combine<sloped>;  // PRelu
}

}  // namespace

Shapes same_shape(const Model& model, const Node& node) { return {model.input(node, 0).shape}; }

void build_unary(Plan& plan, const Node& node) {
  Loop run = activation_of(plan.model(), node);
  if (!run) run = function_of(node);
  plan.need_constant(node, 0);
  Step step = plan.step_of(node);
  plan.try_in_place(node.outputs[0], node.inputs[0]);
  const std::int64_t count = elements(plan.model().output(node).shape);
  step.run = [run, count, in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    run(m.values[in], m.values[out], count);
  };
  plan.add(std::move(step));
}

Shapes binary_shapes(const Model& model, const Node& node) {
  return {broadcast(model.input(node, 0).shape, model.input(node, 1).shape)};
}

void build_binary(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  plan.need_constant(node, 0);
  plan.need_constant(node, 1);
  const Shape &a = model.input(node, 0).shape, &b = model.input(node, 1).shape, &y = model.output(node).shape;
  const Walk<2> walk(y, {broadcast_strides(a, y), broadcast_strides(b, y)});
  Step step = plan.step_of(node);
  // An operand of the result's shape is read where its element is written.
  if (a != y || !plan.try_in_place(node.outputs[0], node.inputs[0])) {
    if (b == y) plan.try_in_place(node.outputs[0], node.inputs[1]);
  }
  const kernels::Ending e = node.tail.ending;
  step.run = [walk, e, f = pairwise_of(node), in_a = node.inputs[0], in_b = node.inputs[1],
              out = node.outputs[0]](const Memory& m) {
    f(walk, m.values[in_a], m.values[in_b], m.values[out], e);
  };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
