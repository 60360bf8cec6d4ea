// Padded planes, depthwise convolutions and pooling on every instruction set of this machine, against float64.
#include <cmath>
#include <random>

#include "check.h"
#include "kernels/dispatch.h"

using namespace featherweight::kernels;

namespace {

// A filter of `kernel` x `kernel` on a plane, and its padded phases.
struct Layer {
  int height, width, kernel, stride, pad;
  int out_height, out_width;
  std::vector<int> phase_of;
  PlaneSplit split;

  Layer(int height_, int width_, int kernel_, int stride_, int pad_)
      : height(height_), width(width_), kernel(kernel_), stride(stride_), pad(pad_),
        out_height((height + 2 * pad - kernel) / stride + 1), out_width((width + 2 * pad - kernel) / stride + 1) {
    for (int phase = 0; phase < stride * stride; ++phase) phase_of.push_back(phase);
    const int lines = out_height + (kernel - 1) / stride, pitch = out_width + (kernel - 1) / stride;
    split = {height, width, pad, pad, stride, stride, lines, pitch, phase_of.data()};
  }

  std::size_t size() const { return static_cast<std::size_t>(stride * stride * split.phase_height * split.pitch); }
};

std::vector<Layer> layers() {
  std::vector<Layer> all;
  for (const auto& [height, width] : {std::pair{1, 1}, {5, 4}, {7, 7}, {9, 14}, {16, 17}, {6, 33}, {11, 66}}) {
    for (const int kernel : {1, 3, 5}) {
      for (const int stride : {1, 2, 3, 4}) {
        if (height + kernel / 2 * 2 >= kernel) all.emplace_back(height, width, kernel, stride, kernel / 2);
      }
    }
  }
  return all;
}

std::vector<float> normal(std::size_t count, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

void test_planes(const Kernels& kernels) {
  std::mt19937 random(1);
  for (Layer& layer : layers()) {
    // One float more on each side: nothing is written there.
    std::vector<float> expected(layer.size() + 2, 7.0f), planes = expected;
    const std::vector<float> channel = normal(static_cast<std::size_t>(layer.height * layer.width), random);
    layer.split.phase_of = layer.phase_of.data();
    layer.split.padding = layer.width % 2 ? 0.0f : 3.5f;
    kPlanesScalar.split(layer.split, channel.data(), expected.data() + 1);
    kernels.planes.split(layer.split, channel.data(), planes.data() + 1);
    CHECK(planes == expected);
  }
}

struct Filter {
  int height, width, kernel, stride, dilation, pad;
};

// Exactly as the specification, NaN included.
void check_pool(const Kernels& kernels, const PlaneWindow& w, std::mt19937& random) {
  std::vector<float> x = normal(static_cast<std::size_t>(w.in_height * w.in_width), random);
  if (random() % 2) x[random() % x.size()] = NAN;
  const std::size_t outputs = static_cast<std::size_t>(w.out_height * w.out_width);
  std::vector<float> expected(outputs + 1, 7.0f), y = expected, line(pool_line_size(w));
  const auto same = [](float a, float b) { return a == b || (a != a && b != b); };
  for (const auto pool : {&PoolKernels::max, &PoolKernels::sum}) {
    (kPoolScalar.*pool)(w, x.data(), expected.data(), line.data());
    (kernels.pool.*pool)(w, x.data(), y.data(), line.data());
    for (std::size_t i = 0; i <= outputs; ++i) CHECK(same(y[i], expected[i]));
  }
}

double ended(double value, Activation activation) {
  if (activation == Activation::clip) return std::min(2.0, std::max(-1.0, value));
  if (activation == Activation::hard_swish) return value * std::min(1.0, std::max(0.0, value / 6.0 + 0.5));
  return value;
}

void check_depthwise(const Kernels& kernels, const Filter& f, std::mt19937& random) {
  const int span = (f.kernel - 1) * f.dilation + 1;
  const int out_height = (f.height + 2 * f.pad - span) / f.stride + 1, out_width = (f.width + 2 * f.pad - span) / f.stride + 1;
  if (f.height + 2 * f.pad < span || f.width + 2 * f.pad < span) return;
  const PlaneWindow layer{f.height, f.width, out_height, out_width, f.kernel, f.kernel,
                             f.stride, f.stride, f.dilation, f.dilation, f.pad, f.pad};
  const std::vector<float> x = normal(static_cast<std::size_t>(f.height * f.width), random);
  const std::vector<float> w = normal(static_cast<std::size_t>(f.kernel * f.kernel), random);
  const std::size_t outputs = static_cast<std::size_t>(out_height * out_width);
  const std::vector<float> residual = normal(outputs, random);
  const float scale[2] = {0.0f, 0.7f}, bias[2] = {0.0f, -0.3f};
  std::vector<float> y(outputs + 1, NAN);
  check_pool(kernels, layer, random);
  const auto activation = static_cast<Activation>(random() % 3);
  const bool adds = random() % 2;
  kernels.depthwise.channel(layer, w.data(), x.data(), 1, y.data(),
                            {scale, bias, adds ? residual.data() : nullptr, nullptr, {activation, -1.0f, 2.0f}});
  for (int at = 0; at < static_cast<int>(outputs); ++at) {
    double sum = 0.0;
    for (int t = 0; t < f.kernel * f.kernel; ++t) {
      const int line = at / out_width * f.stride + t / f.kernel * f.dilation - f.pad;
      const int pixel = at % out_width * f.stride + t % f.kernel * f.dilation - f.pad;
      if (line < 0 || line >= f.height || pixel < 0 || pixel >= f.width) continue;
      sum += static_cast<double>(w[t]) * x[line * f.width + pixel];
    }
    CHECK(std::abs(y[at] - ended(sum * scale[1] + bias[1] + (adds ? residual[at] : 0.0f), activation)) <= 2e-5);
  }
  CHECK(std::isnan(y[outputs]));
}

void test_depthwise(const Kernels& kernels) {
  std::mt19937 random(2);
  for (const auto& [height, width] : {std::pair{1, 1}, {5, 4}, {7, 7}, {9, 14}, {16, 17}, {6, 33}, {11, 66}, {9, 130}}) {
    for (const int kernel : {1, 2, 3, 5, 7}) {
      for (const int stride : {1, 2, 3}) {
        for (const int dilation : {1, 2}) {
          for (const int pad : {0, kernel / 2, kernel}) check_depthwise(kernels, {height, width, kernel, stride, dilation, pad}, random);
        }
      }
    }
  }
}

}  // namespace

int main() {
  for (const InstructionSet set : available()) {
    std::printf("%s\n", name_of(set));
    test_planes(kernels_of(set));
    test_depthwise(kernels_of(set));
  }
}
