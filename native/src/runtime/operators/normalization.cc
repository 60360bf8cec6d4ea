// Batch-norm that no convolution took, layer-norm, instance-norm, local response normalisation, softmax.
#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"
#include "kernels/finish_scalar.h"
#include "runtime/epilogue.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

struct Moments {
  float mean, inverse_deviation;
};

Moments moments(const float* x, std::int64_t count, float epsilon) {
  double sum = 0.0, squares = 0.0;
  for (std::int64_t i = 0; i < count; ++i) sum += x[i];
  const double mean = sum / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {static_cast<float>(mean), static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(count) + epsilon))};
}

// The part of a shape before, at and after an axis.
struct Split3 {
  std::int64_t outer, size, inner;
};

Split3 split_at(const Shape& shape, std::size_t axis) {
  if (axis >= shape.size()) throw std::invalid_argument("it needs channels, but its input is " + text(shape));
  return {elements(shape, 0, axis), shape[axis], elements(shape, axis + 1, shape.size())};
}

void softmax(const float* x, float* y, std::int64_t size, std::int64_t step, bool is_log) {
  float most = x[0];
  for (std::int64_t i = 1; i < size; ++i) most = std::max(most, x[i * step]);
  double sum = 0.0;
  for (std::int64_t i = 0; i < size; ++i) {
    const float power = std::exp(x[i * step] - most);
    sum += power;
    if (!is_log) y[i * step] = power;
  }
  if (is_log) {
    const float shift = most + static_cast<float>(std::log(sum));
    for (std::int64_t i = 0; i < size; ++i) y[i * step] = x[i * step] - shift;
  } else {
    const float factor = static_cast<float>(1.0 / sum);
    for (std::int64_t i = 0; i < size; ++i) y[i * step] *= factor;
  }
}

}  // namespace

void build_batch_norm(Plan& plan, const Node& node) {
  const Shape& shape = plan.model().input(node, 0).shape;
  const NormVectors norm = norm_vectors(plan.model(), node);
  const Split3 s = split_at(shape, 1);
  if (static_cast<std::int64_t>(norm.scale.size()) != s.size) refuse(node, "it must have one value a channel");
  const float *const scale = plan.keep(norm.scale), *const shift = plan.keep(norm.shift);
  const kernels::Ending e = node.tail.ending;
  Step step = plan.step_of(node);
  plan.try_in_place(node.outputs[0], node.inputs[0]);
  step.run = [=, in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(s.outer * s.size), [&](int plane, int) {
      const float a = scale[plane % s.size], b = shift[plane % s.size];
      const float* const x = m.values[in] + plane * s.inner;
      float* const y = m.values[out] + plane * s.inner;
      for (std::int64_t i = 0; i < s.inner; ++i) y[i] = x[i] * a + b;
      if (e.is_nothing()) return;
      for (std::int64_t i = 0; i < s.inner; ++i) y[i] = kernels::ended(y[i], e);
    });
  };
  plan.add(std::move(step));
}

void build_layer_norm(Plan& plan, const Node& node) {
  const Shape& shape = plan.model().input(node, 0).shape;
  const std::size_t axis = axis_of(node.integer("axis", -1), shape.size());
  const std::int64_t rows = elements(shape, 0, axis), size = elements(shape, axis, shape.size());
  const auto vector = [&](std::size_t input, float fallback) {
    std::vector<float> values = node.has_input(input) ? plan.model().floats(node, input) : std::vector<float>(static_cast<std::size_t>(size), fallback);
    if (static_cast<std::int64_t>(values.size()) != size) refuse(node, "its scale and bias must have one value an element");
    return plan.keep(std::move(values));
  };
  const float *const scale = vector(1, 1.0f), *const bias = vector(2, 0.0f);
  const float epsilon = node.real("epsilon", 1e-5f);
  Step step = plan.step_of(node);
  plan.try_in_place(node.outputs[0], node.inputs[0]);
  step.run = [=, normalize = kernels::active_kernels().elementwise.layer_norm, in = node.inputs[0],
              out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(rows), [&](int row, int) {
      const float* const x = m.values[in] + row * size;
      float* const y = m.values[out] + row * size;
      normalize(x, scale, bias, epsilon, y, size);
    });
  };
  plan.add(std::move(step));
}

void build_instance_norm(Plan& plan, const Node& node) {
  const Split3 s = split_at(plan.model().input(node, 0).shape, 1);
  std::vector<float> gamma = plan.model().floats(node, 1), beta = plan.model().floats(node, 2);
  if (static_cast<std::int64_t>(gamma.size()) != s.size || gamma.size() != beta.size()) refuse(node, "it must have one value a channel");
  const float *const scale = plan.keep(std::move(gamma)), *const bias = plan.keep(std::move(beta));
  const float epsilon = node.real("epsilon", 1e-5f);
  Step step = plan.step_of(node);
  plan.try_in_place(node.outputs[0], node.inputs[0]);
  step.run = [=, in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(s.outer * s.size), [&](int plane, int) {
      const float* const x = m.values[in] + plane * s.inner;
      float* const y = m.values[out] + plane * s.inner;
      const Moments own = moments(x, s.inner, epsilon);
      const float a = own.inverse_deviation * scale[plane % s.size], b = bias[plane % s.size];
      for (std::int64_t i = 0; i < s.inner; ++i) y[i] = (x[i] - own.mean) * a + b;
    });
  };
  plan.add(std::move(step));
}

void build_lrn(Plan& plan, const Node& node) {
  const Split3 s = split_at(plan.model().input(node, 0).shape, 1);
  const std::int64_t size = node.integer("size", 1), before = (size - 1) / 2, after = size - 1 - before;
  if (size < 1) refuse(node, "its size must be at least 1");
  const float alpha = node.real("alpha", 1e-4f) / static_cast<float>(size);
  const float beta = node.real("beta", 0.75f), bias = node.real("bias", 1.0f);
  Step step = plan.step_of(node);
  // Sums of squares of one image's plane, so that neighbours can be read after a channel is written.
  step.run = [=, of_plane = kernels::active_kernels().elementwise.response_norm, in = node.inputs[0],
              out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(s.outer * s.size), [&](int plane, int) {
      const std::int64_t channel = plane % s.size;
      const float* const x = m.values[in] + plane * s.inner;
      float* const y = m.values[out] + plane * s.inner;
      const std::int64_t first = std::max(-channel, -before), last = std::min(s.size - 1 - channel, after);
      if (beta == 0.75f) {  // of AlexNet; a power by two square roots
        return of_plane(x, s.inner, static_cast<int>(first), static_cast<int>(last), bias, alpha, y, s.inner);
      }
      std::fill(y, y + s.inner, 0.0f);
      for (std::int64_t c = first; c <= last; ++c) {
        const float* const other = x + c * s.inner;
        for (std::int64_t i = 0; i < s.inner; ++i) y[i] += other[i] * other[i];
      }
      for (std::int64_t i = 0; i < s.inner; ++i) y[i] = x[i] * std::pow(bias + alpha * y[i], -beta);
    });
  };
  plan.add(std::move(step));
}

void build_softmax(Plan& plan, const Node& node) {
  const Shape& shape = plan.model().input(node, 0).shape;
  const Split3 s = split_at(shape, axis_of(node.integer("axis", -1), shape.size()));
  const bool is_log = node.op == "LogSoftmax";
  Step step = plan.step_of(node);
  plan.try_in_place(node.outputs[0], node.inputs[0]);
  step.run = [=, of_row = kernels::active_kernels().elementwise.softmax, in = node.inputs[0],
              out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(s.outer), [&](int row, int) {
      if (s.inner == 1 && !is_log) return of_row(m.values[in] + row * s.size, m.values[out] + row * s.size, s.size);
      for (std::int64_t i = 0; i < s.inner; ++i) {
        const std::int64_t at = row * s.size * s.inner + i;
        softmax(m.values[in] + at, m.values[out] + at, s.size, s.inner, is_log);
      }
    });
  };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
