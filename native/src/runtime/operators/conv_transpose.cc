// Transposed convolutions: each input pixel adds its filter to the output.
#include <algorithm>

#include "kernels/finish_scalar.h"
#include "runtime/epilogue.h"
#include "runtime/operators/operators.h"

namespace featherweight::runtime {
namespace {

struct Side {
  std::int64_t in, out, kernel, stride, dilation, pad;
};

// Height (1 where there is none) and width.
std::vector<Side> sides(const Model& model, const Node& node) {
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  if (x.size() != w.size() || (x.size() != 3 && x.size() != 4) || x[1] != w[0]) {
    throw std::invalid_argument("filters " + text(w) + " do not fit an input " + text(x));
  }
  const std::size_t spatial = x.size() - 2;
  const auto strides = node.integers("strides", std::vector<std::int64_t>(spatial, 1));
  const auto dilations = node.integers("dilations", std::vector<std::int64_t>(spatial, 1));
  const auto extra = node.integers("output_padding", std::vector<std::int64_t>(spatial, 0));
  const auto pads = node.integers("pads", std::vector<std::int64_t>(2 * spatial, 0));
  if (strides.size() != spatial || dilations.size() != spatial || extra.size() != spatial || pads.size() != 2 * spatial) {
    throw std::invalid_argument("strides, dilations, output_padding and pads must fit the spatial dimensions");
  }
  const std::int64_t group = node.integer("group", 1);
  if (group < 1 || x[1] % group != 0) throw std::invalid_argument("attribute 'group' does not fit an input " + text(x));
  const auto check = [](const std::vector<std::int64_t>& values, std::int64_t least, const char* name) {
    for (const std::int64_t value : values) {
      if (value < least || value > 65536) throw std::invalid_argument(std::string("attribute '") + name + "' is out of range");
    }
  };
  check(strides, 1, "strides");
  check(dilations, 1, "dilations");
  check(extra, 0, "output_padding");
  check(pads, 0, "pads");
  check({w.begin() + 2, w.end()}, 1, "kernel_shape");
  std::vector<Side> out;
  if (spatial == 1) out.push_back({1, 1, 1, 1, 1, 0});
  for (std::size_t d = 0; d < spatial; ++d) {
    const std::int64_t full = (x[d + 2] - 1) * strides[d] + (w[d + 2] - 1) * dilations[d] + 1 + extra[d];
    out.push_back({x[d + 2], full - pads[d] - pads[spatial + d], w[d + 2], strides[d], dilations[d], pads[d]});
  }
  return out;
}

}  // namespace

Shapes conv_transpose_shapes(const Model& model, const Node& node) {
  const Shape &x = model.input(node, 0).shape, &w = model.input(node, 1).shape;
  const std::vector<Side> s = sides(model, node);
  Shape out{x[0], checked_product(w[1], node.integer("group", 1)), s[0].out, s[1].out};
  if (x.size() == 3) out.erase(out.begin() + 2);
  return {out};
}

void build_conv_transpose(Plan& plan, const Node& node) {
  const Model& model = plan.model();
  const Shape& x = model.input(node, 0).shape;
  const std::vector<Side> s = sides(model, node);
  const Side h = s[0], v = s[1];
  const std::int64_t groups = node.integer("group", 1), each = model.input(node, 1).shape[1], rows = each * groups;
  const std::int64_t group_channels = x[1] / groups, taps = h.kernel * v.kernel;
  const LayerEnd end = layer_end(plan, node, 2, rows);
  Step step = plan.step_of(node);
  const std::size_t before = plan.kept_bytes;
  const float* const weights = plan.keep(model.floats(node, 1));
  step.weight_bytes = plan.kept_bytes - before;
  plan.kept_bytes = before;
  step.format = "dense";
  step.run = [=, channels = x[1], batch = x[0], in = node.inputs[0], out = node.outputs[0]](const Memory& m) {
    m.pool.run(static_cast<int>(batch * rows), [&](int plane, int) {
      const std::int64_t image = plane / rows, row = plane % rows, group = row / each;
      float* const y = m.values[out] + plane * h.out * v.out;
      std::fill(y, y + h.out * v.out, 0.0f);
      for (std::int64_t c = group * group_channels; c < (group + 1) * group_channels; ++c) {
        const float* const from = m.values[in] + (image * channels + c) * h.in * v.in;
        const float* const w = weights + (c * each + row % each) * taps;
        for (std::int64_t iy = 0; iy < h.in; ++iy) {
          for (std::int64_t ky = 0; ky < h.kernel; ++ky) {
            const std::int64_t oy = iy * h.stride + ky * h.dilation - h.pad;
            if (oy < 0 || oy >= h.out) continue;
            for (std::int64_t kx = 0; kx < v.kernel; ++kx) {
              for (std::int64_t ix = 0; ix < v.in; ++ix) {
                const std::int64_t ox = ix * v.stride + kx * v.dilation - v.pad;
                if (ox >= 0 && ox < v.out) y[oy * v.out + ox] += from[iy * v.in + ix] * w[ky * v.kernel + kx];
              }
            }
          }
        }
      }
      const kernels::Epilogue e = end.at(m, 0, 0);
      for (std::int64_t i = 0; i < h.out * v.out; ++i) y[i] = kernels::finished(y[i], e, static_cast<int>(row), 0);
    });
  };
  plan.add(std::move(step));
}

}  // namespace featherweight::runtime
