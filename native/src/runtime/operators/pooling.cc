// Pooling over windows and over whole planes; reductions over any dimensions.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"
#include "runtime/operators/operators.h"
#include "runtime/planes.h"

namespace featherweight::runtime {
namespace {

Window pool_window(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  if (x.size() != 3 && x.size() != 4) throw std::invalid_argument("pooling has one or two spatial dimensions, but its input is " + text(x));
  std::vector<std::int64_t> kernel = node.integers("kernel_shape", {});
  if (kernel.size() != x.size() - 2) throw std::invalid_argument("attribute 'kernel_shape' has the wrong length");
  if (kernel.size() == 1) kernel.insert(kernel.begin(), 1);
  for (const std::int64_t size : kernel) {
    if (size < 1 || size > 65536) throw std::invalid_argument("attribute 'kernel_shape' is out of range");
  }
  return window_of(node, x, kernel[0], kernel[1]);
}

// The taps of one output line or column that lie inside the input: [first, last).
struct Taps {
  std::int64_t first, last;
};

Taps taps(std::int64_t origin, std::int64_t kernel, std::int64_t dilation, std::int64_t size) {
  const std::int64_t first = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
  const std::int64_t last = origin >= size ? 0 : std::min(kernel, (size - 1 - origin) / dilation + 1);
  return {first, std::max(first, last)};
}

// How many taps count for the mean of a window that begins at `origin`: padding counts, what ceil_mode
// adds beyond it does not.
std::int64_t counted(std::int64_t origin, std::int64_t kernel, std::int64_t dilation, std::int64_t size,
                     std::int64_t pad_after) {
  return taps(origin, kernel, dilation, size + pad_after).last;
}

// How many taps each mean is of, by output.
std::vector<float> counts(const Window& w, bool counts_padding) {
  std::vector<float> counts;
  for (std::int64_t oy = 0; oy < w.out_height; ++oy) {
    const std::int64_t top = oy * w.stride_y - w.pad_top;
    const Taps lines = taps(top, w.kernel_y, w.dilation_y, w.in_height);
    for (std::int64_t ox = 0; ox < w.out_width; ++ox) {
      const std::int64_t left = ox * w.stride_x - w.pad_left;
      const Taps pixels = taps(left, w.kernel_x, w.dilation_x, w.in_width);
      counts.push_back(static_cast<float>(
          counts_padding ? counted(top, w.kernel_y, w.dilation_y, w.in_height, w.pad_bottom) *
                               counted(left, w.kernel_x, w.dilation_x, w.in_width, w.pad_right)
                         : (lines.last - lines.first) * (pixels.last - pixels.first)));
    }
  }
  return counts;
}

enum class Kind { sum, mean, max, l2 };

// Of the elements x[at(0)] ... x[at(count - 1)].
template <typename At>
float reduced(const float* x, std::int64_t count, const At& at, Kind kind) {
  if (kind == Kind::max) {
    float most = -std::numeric_limits<float>::infinity();
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = x[at(i)];
      if (value > most || value != value) most = value;
    }
    return most;
  }
  double sum = 0.0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = x[at(i)];
    sum += kind == Kind::l2 ? value * value : value;
  }
  if (kind == Kind::mean) return static_cast<float>(sum / static_cast<double>(count));
  return static_cast<float>(kind == Kind::l2 ? std::sqrt(sum) : sum);
}

Kind kind_of(const Node& node) {
  if (node.op == "ReduceSum") return Kind::sum;
  if (node.op == "ReduceL2") return Kind::l2;
  if (node.op == "ReduceMax" || node.op == "GlobalMaxPool") return Kind::max;
  return Kind::mean;
}

std::vector<bool> reduced_axes(const Model& model, const Node& node) {
  const Shape& shape = model.input(node, 0).shape;
  std::vector<bool> is_reduced(shape.size(), false);
  if (!node.has_input(1) || model.known(node, 1).empty()) {
    if (node.integer("noop_with_empty_axes", 0) == 0) is_reduced.assign(shape.size(), true);
    return is_reduced;
  }
  for (const std::int64_t axis : model.known(node, 1)) is_reduced[axis_of(axis, shape.size())] = true;
  return is_reduced;
}

// Reduces `size` elements that lie `inner` apart, for each of outer * inner results.
void add_reduction(Plan& plan, const Node& node, std::int64_t outer, std::int64_t size, std::int64_t inner) {
  Step step = plan.step_of(node);
  const Kind of = kind_of(node);
  if (inner == 1 && (of == Kind::sum || of == Kind::mean)) {
    const float divisor = of == Kind::mean ? static_cast<float>(size) : 1.0f;
    step.run = [=, sum = kernels::active_kernels().elementwise.sum, in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
      m.pool.run(static_cast<int>(outer), [&](int o, int) { m.values[out][o] = sum(m.values[in] + o * size, size) / divisor; });
    };
    return plan.add(std::move(step));
  }
  step.run = [=, kind = of, in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(outer), [&](int o, int) {
      for (std::int64_t i = 0; i < inner; ++i) {
        m.values[out][o * inner + i] = reduced(m.values[in] + o * size * inner + i, size,
                                                 [=](std::int64_t k) { return k * inner; }, kind);
      }
    });
  };
  plan.add(std::move(step));
}

// Where each combination of the dimensions in `chosen` lies, from the first.
std::vector<std::int64_t> offsets_of(const Shape& shape, const std::vector<bool>& chosen, bool which) {
  const Shape strides = strides_of(shape);
  std::vector<std::int64_t> offsets{0};
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (chosen[d] != which) continue;
    std::vector<std::int64_t> longer;
    for (const std::int64_t offset : offsets) {
      for (std::int64_t i = 0; i < shape[d]; ++i) longer.push_back(offset + i * strides[d]);
    }
    offsets = std::move(longer);
  }
  return offsets;
}

// Dimensions that are not neighbours.
void add_scattered_reduction(Plan& plan, const Node& node, const std::vector<bool>& is_reduced) {
  const Shape& shape = plan.model().input(node, 0).shape;
  Step step = plan.step_of(node);
  step.run = [results = offsets_of(shape, is_reduced, false), parts = offsets_of(shape, is_reduced, true),
              kind = kind_of(node), in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(results.size()), [&](int i, int) {
      m.values[out][i] = reduced(m.values[in] + results[static_cast<std::size_t>(i)], static_cast<std::int64_t>(parts.size()),
                                 [&](std::int64_t k) { return parts[static_cast<std::size_t>(k)]; }, kind);
    });
  };
  plan.add(std::move(step));
}

}  // namespace

Shapes pool_shapes(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  const Window w = pool_window(model, node);
  Shape out{x[0], x[1], w.out_height, w.out_width};
  if (x.size() == 3) out.erase(out.begin() + 2);
  return {out};
}

void build_pool(Plan& plan, const Node& node) {
  const Shape& x = plan.model().input(node, 0).shape;
  const Window w = pool_window(plan.model(), node);
  const kernels::PlaneWindow window = plane_window(w);
  const bool is_max = node.op == "MaxPool";
  const std::int64_t in_plane = w.in_height * w.in_width, out_plane = w.out_height * w.out_width;
  const float* const divisors = is_max ? nullptr : plan.keep(counts(w, node.integer("count_include_pad", 0) != 0));
  const kernels::PoolKernels& pool = kernels::active_kernels().pool;
  const std::size_t line_bytes = whole_lines(kernels::pool_line_size(window) * sizeof(float));
  Step step = plan.step_of(node);
  step.scratch_bytes = static_cast<std::size_t>(plan.threads()) * line_bytes;
  step.run = [=, combine = is_max ? pool.max : pool.sum, planes = static_cast<int>(x[0] * x[1]), in = node.inputs[0],
              out = node.outputs[0]](const Memory& m) {
    m.pool.run(planes, [&](int plane, int thread) {
      float* const to = m.values[out] + plane * out_plane;
      combine(window, m.values[in] + plane * in_plane, to, reinterpret_cast<float*>(m.scratch + thread * line_bytes));
      if (is_max) return;
      for (std::int64_t i = 0; i < out_plane; ++i) to[i] /= divisors[i];
    });
  };
  plan.add(std::move(step));
}

Shapes global_pool_shapes(const Model& model, const Node& node) {
  Shape shape = model.input(node, 0).shape;
  if (shape.size() < 3) throw std::invalid_argument("global pooling needs planes, but its input is " + text(shape));
  std::fill(shape.begin() + 2, shape.end(), 1);
  return {shape};
}

void build_global_pool(Plan& plan, const Node& node) {
  const Shape& x = plan.model().input(node, 0).shape;
  add_reduction(plan, node, x[0] * x[1], elements(x, 2, x.size()), 1);
}

Shapes reduce_shapes(const Model& model, const Node& node) {
  const Shape& shape = model.input(node, 0).shape;
  const std::vector<bool> is_reduced = reduced_axes(model, node);
  Shape out;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (!is_reduced[d]) out.push_back(shape[d]);
    else if (node.integer("keepdims", 1) != 0) out.push_back(1);
  }
  return {out};
}

void build_reduce(Plan& plan, const Node& node) {
  const Shape& shape = plan.model().input(node, 0).shape;
  const std::vector<bool> is_reduced = reduced_axes(plan.model(), node);
  plan.need_constant(node, 0);
  const auto first = std::find(is_reduced.begin(), is_reduced.end(), true);
  if (first == is_reduced.end()) return build_view(plan, node);
  const auto past = std::find(first, is_reduced.end(), false);
  if (std::find(past, is_reduced.end(), true) != is_reduced.end()) {
    return add_scattered_reduction(plan, node, is_reduced);
  }
  const auto from = static_cast<std::size_t>(first - is_reduced.begin());
  const auto to = static_cast<std::size_t>(past - is_reduced.begin());
  add_reduction(plan, node, elements(shape, 0, from), elements(shape, from, to), elements(shape, to, shape.size()));
}

}  // namespace featherweight::runtime
