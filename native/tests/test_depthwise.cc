// Padded planes and depthwise convolutions on every instruction set of this machine, against float64.
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
  Columns columns;
  std::vector<std::int32_t> offsets;

  Layer(int height_, int width_, int kernel_, int stride_, int pad_)
      : height(height_), width(width_), kernel(kernel_), stride(stride_), pad(pad_),
        out_height((height + 2 * pad - kernel) / stride + 1), out_width((width + 2 * pad - kernel) / stride + 1) {
    for (int phase = 0; phase < stride * stride; ++phase) phase_of.push_back(phase);
    const int lines = out_height + (kernel - 1) / stride, pitch = out_width + (kernel - 1) / stride;
    split = {height, width, pad, pad, stride, stride, lines, pitch, phase_of.data()};
    columns = {(out_height - 1) * pitch + out_width, pitch, out_width};
    for (int ky = 0; ky < kernel; ++ky) {
      for (int kx = 0; kx < kernel; ++kx) {
        const int phase = ky % stride * stride + kx % stride;
        offsets.push_back((phase * lines + ky / stride) * pitch + kx / stride);
      }
    }
  }

  std::size_t size() const { return static_cast<std::size_t>(stride * stride * split.phase_height * split.pitch); }
};

std::vector<Layer> layers() {
  std::vector<Layer> all;
  for (const auto& [height, width] : {std::pair{1, 1}, {5, 4}, {7, 7}, {9, 14}, {16, 17}, {6, 33}, {11, 66}}) {
    for (const int kernel : {1, 3, 5, 7}) {
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
    kPlanesScalar.split(layer.split, channel.data(), expected.data() + 1);
    kernels.planes.split(layer.split, channel.data(), planes.data() + 1);
    CHECK(planes == expected);
  }
}

void test_depthwise(const Kernels& kernels) {
  std::mt19937 random(2);
  for (const Layer& layer : layers()) {
    const std::vector<float> x = normal(layer.size(), random), w = normal(layer.offsets.size(), random);
    const std::size_t outputs = static_cast<std::size_t>(layer.out_height * layer.out_width);
    const std::vector<float> residual = normal(outputs, random);
    const float scale[2] = {0.0f, 0.7f}, bias[2] = {0.0f, -0.3f};
    std::vector<float> y(outputs + 1, NAN);
    const Epilogue epilogue{scale, bias, residual.data(), Activation::clip, -1.0f, 2.0f};
    const std::vector<TapChain> chains = tap_chains(layer.offsets, layer.columns.pitch);
    kernels.depthwise.channel(w.data(), chains.data(), static_cast<int>(chains.size()), x.data(), layer.columns, 1,
                              y.data(), epilogue);
    for (std::size_t at = 0; at < outputs; ++at) {
      const int width = layer.out_width, column = static_cast<int>(at) / width * layer.columns.pitch + static_cast<int>(at) % width;
      double sum = 0.0;
      for (std::size_t t = 0; t < w.size(); ++t) sum += static_cast<double>(w[t]) * x[layer.offsets[t] + column];
      const double expected = std::min(2.0, std::max(-1.0, sum * scale[1] + bias[1] + residual[at]));
      CHECK(std::abs(y[at] - expected) <= 1e-5);
    }
    CHECK(std::isnan(y[outputs]));
  }
}

void test_chains() {
  const Layer layer(14, 14, 3, 2, 1);
  const std::vector<TapChain> chains = tap_chains(layer.offsets, layer.columns.pitch);
  int taps = 0;
  for (const TapChain& chain : chains) taps += chain.length;
  CHECK(taps == 9 && chains.size() == 6);  // lines 0 and 2 of the filter are in one phase
}

}  // namespace

int main() {
  test_chains();
  for (const InstructionSet set : available()) {
    std::printf("%s\n", name_of(set));
    test_planes(kernels_of(set));
    test_depthwise(kernels_of(set));
  }
}
