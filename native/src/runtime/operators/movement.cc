// Values that are only moved: views, transposes, slices, padding, concatenation, gathering.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "runtime/operators/operators.h"
#include "runtime/walk.h"

namespace featherweight::runtime {
namespace {

// y[i] = x[offset + strides . index(i)], for all i of a shape.
struct StridedCopy {
  Walk<1> walk;
  std::int64_t offset;

  void run(const float* x, float* y) const {
    const std::int64_t step = walk.strides[0].back();
    walk.rows([&](std::int64_t at, const std::array<std::int64_t, 1>& from, std::int64_t length) {
      const float* const in = x + offset + from[0];
      if (step == 1) {
        std::memcpy(y + at, in, static_cast<std::size_t>(length) * sizeof(float));
        return;
      }
      for (std::int64_t i = 0; i < length; ++i) y[at + i] = in[i * step];
    });
  }
};

void add_copy(Plan& plan, const Node& node, const Shape& strides, std::int64_t offset) {
  plan.need_constant(node, 0);
  const StridedCopy copy{Walk<1>(plan.model().output(node).shape, {strides}), offset};
  Step step = plan.step_of(node);
  step.reads = {node.inputs[0]};
  step.run = [copy, in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    copy.run(m.values[in], m.values[out]);
  };
  plan.add(std::move(step));
}

bool is_output(const Model& model, int value) {
  return std::find(model.outputs.begin(), model.outputs.end(), value) != model.outputs.end();
}

// One input beside another along an axis, as `outer` runs of contiguous elements.
struct Runs {
  int value;
  std::int64_t length, offset;  // within a run of the whole
};

void copy_runs(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride, std::int64_t length,
               std::int64_t count) {
  for (std::int64_t i = 0; i < count && length > 0; ++i) {
    std::memcpy(to + i * to_stride, from + i * from_stride, static_cast<std::size_t>(length) * sizeof(float));
  }
}

std::vector<std::int64_t> split_sizes(const Model& model, const Node& node, std::size_t axis) {
  const std::int64_t whole = model.input(node, 0).shape[axis];
  if (node.has_input(1)) {
    const auto& sizes = model.known(node, 1);
    const bool is_sized = std::all_of(sizes.begin(), sizes.end(), [&](std::int64_t size) { return size >= 0 && size <= whole; });
    if (!is_sized || sizes.size() != node.outputs.size() ||
        std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) != whole) {
      throw std::invalid_argument("its parts do not add up to dimension " + std::to_string(axis));
    }
    return sizes;
  }
  const auto parts = static_cast<std::int64_t>(node.outputs.size()), each = (whole + parts - 1) / parts;
  std::vector<std::int64_t> sizes(node.outputs.size(), each);
  sizes.back() = whole - each * (parts - 1);
  return sizes;
}

struct Slicing {
  Shape shape, strides;
  std::int64_t offset = 0;
};

Slicing slicing_of(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  Slicing slicing{x, strides_of(x), 0};
  const auto &starts = model.known(node, 1), &ends = model.known(node, 2);
  std::vector<bool> is_sliced(x.size(), false);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = axis_of(node.has_input(3) ? model.known(node, 3).at(i) : static_cast<std::int64_t>(i), x.size());
    if (is_sliced[axis]) throw std::invalid_argument("dimension " + std::to_string(axis) + " is sliced twice");
    is_sliced[axis] = true;
    const std::int64_t step = node.has_input(4) ? model.known(node, 4).at(i) : 1, size = x[axis];
    if (step == 0) throw std::invalid_argument("a slice cannot have step 0");
    const auto from_end = [&](std::int64_t at) { return at < 0 ? at + size : at; };
    const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    const std::int64_t begin = std::clamp(from_end(starts[i]), std::int64_t{0}, high);
    const std::int64_t end = ends.at(i) < -size ? low : std::clamp(from_end(ends[i]), low, high);
    const std::int64_t span = step > 0 ? end - begin : begin - end, by = step > 0 ? step : -std::max(step, -INT64_MAX);
    const std::int64_t count = span > 0 ? (span - 1) / by + 1 : 0;
    slicing.shape[axis] = count;
    slicing.offset += begin * slicing.strides[axis];
    slicing.strides[axis] *= count > 1 ? step : 1;
  }
  return slicing;
}

// Pads before each dimension, then after each, for all dimensions of x.
std::vector<std::int64_t> pads_of(const Model& model, const Node& node) {
  const std::size_t rank = model.input(node, 0).shape.size();
  const auto& given = model.known(node, 1);
  for (const std::int64_t pad : given) {
    if (pad < -INT32_MAX || pad > INT32_MAX) throw std::invalid_argument("a padding of " + std::to_string(pad) + " is out of range");
  }
  if (!node.has_input(3)) {
    if (given.size() != 2 * rank) throw std::invalid_argument("its pads must be two a dimension");
    return given;
  }
  const auto& axes = model.known(node, 3);
  std::vector<std::int64_t> pads(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], rank);
    pads[axis] = given.at(i);
    pads[rank + axis] = given.at(axes.size() + i);
  }
  return pads;
}

// Where the padded index `at` is read: -1 for the constant.
std::int64_t source(std::int64_t at, std::int64_t size, const std::string& mode) {
  if (at >= 0 && at < size) return at;
  if (mode == "constant") return -1;
  if (mode == "edge") return at < 0 ? 0 : size - 1;
  if (mode == "wrap") return (at % size + size) % size;
  const std::int64_t period = std::max<std::int64_t>(1, 2 * (size - 1)), in_period = (at % period + period) % period;
  return in_period < size ? in_period : period - in_period;
}

}  // namespace

// ---- views: the output lies where the input lies ----

Shapes reshape_shapes(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  Shape out = model.known(node, 1);
  int open = -1;
  std::int64_t product = 1;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == 0 && node.integer("allowzero", 0) == 0) {
      if (i >= x.size()) throw std::invalid_argument("shape " + text(out) + " copies a dimension that is not there");
      out[i] = x[i];
    }
    if (out[i] == -1) open = static_cast<int>(i);
    else product = checked_product(product, out[i]);
  }
  if (open >= 0 && product > 0) out[open] = elements(x) / product;
  if (!is_sound(out) || elements(out) != elements(x)) throw std::invalid_argument(text(x) + " cannot become " + text(out));
  return {out};
}

Shapes flatten_shapes(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  const std::int64_t axis = node.integer("axis", 1);
  const auto at = static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(x.size()) : axis);
  if (at > x.size()) throw std::invalid_argument("axis " + std::to_string(axis) + " does not fit " + text(x));
  return {{elements(x, 0, at), elements(x, at, x.size())}};
}

Shapes squeeze_shapes(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  std::vector<bool> goes(x.size(), false);
  for (std::size_t d = 0; d < x.size(); ++d) goes[d] = !node.has_input(1) && x[d] == 1;
  if (node.has_input(1)) for (const std::int64_t axis : model.known(node, 1)) goes[axis_of(axis, x.size())] = true;
  Shape out;
  for (std::size_t d = 0; d < x.size(); ++d) {
    if (!goes[d]) out.push_back(x[d]);
    else if (x[d] != 1) throw std::invalid_argument("dimension " + std::to_string(d) + " of " + text(x) + " is not 1");
  }
  return {out};
}

Shapes unsqueeze_shapes(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  const auto& axes = model.known(node, 1);
  Shape out(x.size() + axes.size(), 0);
  for (const std::int64_t axis : axes) out[axis_of(axis, out.size())] = 1;
  std::size_t next = 0;
  for (std::int64_t& size : out) {
    if (size != 0) continue;
    if (next >= x.size()) throw std::invalid_argument("an axis is given twice");
    size = x[next++];
  }
  return {out};
}

void build_view(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const int in = node.inputs[0], out = node.outputs[0];
  if (is_output(model, out)) {
    // An output has memory of its own: what it views moves there, or is copied.
    if (plan.try_place(in, out, 0)) return;
    return add_copy(plan, node, strides_of(model.values[out].shape), 0);
  }
  plan.need_constant(node, 0);
  plan.place(out, in, 0);
}

// ---- copies ----

Shapes transpose_shapes(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  std::vector<std::int64_t> reversed(x.size());
  std::iota(reversed.rbegin(), reversed.rend(), std::int64_t{0});
  Shape out;
  std::vector<bool> is_moved(x.size(), false);
  for (const std::int64_t axis : node.integers("perm", reversed)) {
    const std::size_t from = axis_of(axis, x.size());
    if (is_moved[from]) throw std::invalid_argument("attribute 'perm' names dimension " + std::to_string(from) + " twice");
    is_moved[from] = true;
    out.push_back(x[from]);
  }
  if (out.size() != x.size()) throw std::invalid_argument("attribute 'perm' does not fit " + text(x));
  return {out};
}

void build_transpose(Plan& plan, const Node& node) {
  const Shape& x = plan.model().input(node, 0).shape;
  const Shape strides = strides_of(x);
  std::vector<std::int64_t> reversed(x.size());
  std::iota(reversed.rbegin(), reversed.rend(), std::int64_t{0});
  Shape turned;
  for (const std::int64_t axis : node.integers("perm", reversed)) turned.push_back(strides[axis_of(axis, x.size())]);
  add_copy(plan, node, turned, 0);
}

Shapes slice_shapes(const Model& model, const Node& node) { return {slicing_of(model, node).shape}; }

void build_slice(Plan& plan, const Node& node) {
  const Slicing slicing = slicing_of(plan.model(), node);
  add_copy(plan, node, slicing.strides, slicing.offset);
}

Shapes expand_shapes(const Model& model, const Node& node) {
  return {broadcast(model.input(node, 0).shape, model.known(node, 1))};
}

void build_expand(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  add_copy(plan, node, broadcast_strides(model.input(node, 0).shape, model.output(node).shape), 0);
}

Shapes concat_shapes(const Model& model, const Node& node) {
  Shape out = model.input(node, 0).shape;
  const std::size_t axis = axis_of(node.integer("axis", 0), out.size());
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (!node.has_input(i)) throw std::invalid_argument("all of its inputs must be given");
    const Shape& x = model.input(node, i).shape;
    Shape fitted = x;
    if (fitted.size() == out.size()) fitted[axis] = out[axis];
    if (fitted != out) throw std::invalid_argument("shapes " + text(out) + " and " + text(x) + " do not fit together");
    out[axis] += x[axis];
  }
  return {out};
}

void build_concat(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape& y = model.output(node).shape;
  const std::size_t axis = axis_of(node.integer("axis", 0), y.size());
  const std::int64_t outer = elements(y, 0, axis), whole = elements(y, axis, y.size());
  std::vector<Runs> copied;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const std::int64_t length = elements(model.input(node, i).shape) / std::max<std::int64_t>(outer, 1);
    // In one run, the input may be written to its place in the first place.
    if (outer != 1 || !plan.try_place(node.inputs[i], node.outputs[0], offset)) {
      plan.need_constant(node, i);
      copied.push_back({node.inputs[i], length, offset});
    }
    offset += length;
  }
  Step step = plan.step_of(node);
  step.run = [copied, outer, whole, out = node.outputs[0]](const Memory& m) {
    for (const Runs& runs : copied) {
      copy_runs(m.values[runs.value], runs.length, m.values[out] + runs.offset, whole, runs.length, outer);
    }
  };
  plan.add(std::move(step));
}

Shapes split_shapes(const Model& model, const Node& node) {
  const Shape& x = model.input(node, 0).shape;
  const std::size_t axis = axis_of(node.integer("axis", 0), x.size());
  Shapes out;
  for (const std::int64_t size : split_sizes(model, node, axis)) {
    out.push_back(x);
    out.back()[axis] = size;
  }
  return out;
}

void build_split(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape& x = model.input(node, 0).shape;
  const std::size_t axis = axis_of(node.integer("axis", 0), x.size());
  const std::int64_t outer = elements(x, 0, axis), whole = elements(x, axis, x.size());
  std::vector<Runs> copied;
  std::int64_t offset = 0;
  const std::vector<std::int64_t> sizes = split_sizes(model, node, axis);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const int output = node.outputs[i];
    const std::int64_t length = sizes[i] * (whole / x[axis]);
    if (output < 0) {}  // nobody wants it
    else if (outer == 1 && !is_output(model, output)) plan.place(output, node.inputs[0], offset);
    else copied.push_back({output, length, offset});
    offset += length;
  }
  plan.need_constant(node, 0);
  if (copied.empty()) return;
  Step step = plan.step_of(node);
  step.run = [copied, outer, whole, in = node.inputs[0]](const Memory& m) {
    for (const Runs& runs : copied) {
      copy_runs(m.values[in] + runs.offset, whole, m.values[runs.value], runs.length, runs.length, outer);
    }
  };
  plan.add(std::move(step));
}

Shapes pad_shapes(const Model& model, const Node& node) {
  Shape out = model.input(node, 0).shape;
  const auto pads = pads_of(model, node);
  for (std::size_t d = 0; d < out.size(); ++d) out[d] += pads[d] + pads[out.size() + d];  // all of 32 bits
  return {out};
}

void build_pad(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape &x = model.input(node, 0).shape, &y = model.output(node).shape;
  const auto pads = pads_of(model, node);
  const std::string mode = node.word("mode", "constant");
  const float fill = node.has_input(2) ? model.floats(node, 2).at(0) : 0.0f;
  // For each dimension, where each index of y is read in x, in elements, or -1.
  const Shape in_strides = strides_of(x), out_strides = strides_of(y);
  std::vector<std::vector<std::int64_t>> from(y.size());
  for (std::size_t d = 0; d < y.size(); ++d) {
    for (std::int64_t i = 0; i < y[d]; ++i) {
      const std::int64_t at = source(i - pads[d], x[d], mode);
      from[d].push_back(at < 0 ? -1 : at * in_strides[d]);
    }
  }
  plan.need_constant(node, 0);
  Step step = plan.step_of(node);
  step.run = [=, count = elements(y), in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t at = 0, rest = i;
      for (std::size_t d = 0; d < from.size() && at >= 0; ++d) {
        const std::int64_t own = from[d][static_cast<std::size_t>(rest / out_strides[d])];
        rest %= out_strides[d];
        at = own < 0 ? -1 : at + own;
      }
      m.values[out][i] = at < 0 ? fill : m.values[in][at];
    }
  };
  plan.add(std::move(step));
}

Shapes gather_shapes(const Model& model, const Node& node) {
  const Shape &x = model.input(node, 0).shape, &indices = model.input(node, 1).shape;
  const std::size_t axis = axis_of(node.integer("axis", 0), x.size());
  Shape out(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis));
  out.insert(out.end(), indices.begin(), indices.end());
  out.insert(out.end(), x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end());
  return {out};
}

void build_gather(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape& x = model.input(node, 0).shape;
  const std::size_t axis = axis_of(node.integer("axis", 0), x.size());
  const std::int64_t outer = elements(x, 0, axis), inner = elements(x, axis + 1, x.size()), size = x[axis];
  std::vector<std::int64_t> indices = model.known(node, 1);
  for (std::int64_t& index : indices) {
    if (index < 0) index += size;
    if (index < 0 || index >= size) refuse(node, "index " + std::to_string(index) + " is outside dimension " + std::to_string(axis));
  }
  plan.need_constant(node, 0);
  // One entry of the first dimension of one picture is a view.
  if (outer == 1 && indices.size() == 1 && !is_output(model, node.outputs[0])) {
    return plan.place(node.outputs[0], node.inputs[0], indices[0] * inner);
  }
  Step step = plan.step_of(node);
  step.run = [=, in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    float* to = m.values[out];
    for (std::int64_t o = 0; o < outer; ++o) {
      for (const std::int64_t index : indices) {
        std::memcpy(to, m.values[in] + (o * size + index) * inner, static_cast<std::size_t>(inner) * sizeof(float));
        to += inner;
      }
    }
  };
  plan.add(std::move(step));
}

Shapes shape_shapes(const Model& model, const Node& node) {
  const auto rank = static_cast<std::int64_t>(model.input(node, 0).shape.size());
  const auto wrapped = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  return {{std::max<std::int64_t>(0, wrapped(node.integer("end", rank)) - wrapped(node.integer("start", 0)))}};
}

void build_known(Plan&, const Node& node) { refuse(node, "what it reads must be known when the file is loaded"); }

}  // namespace featherweight::runtime
