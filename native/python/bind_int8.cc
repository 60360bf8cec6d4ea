// 8-bit weights and the packing of their operands: for tests and benchmarks of kernels.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/unique_ptr.h>

#include <stdexcept>
#include <vector>

#include "bindings.h"
#include "kernels/aligned.h"
#include "kernels/dispatch.h"
#include "kernels/int8/pack.h"

namespace nb = nanobind;
using namespace nb::literals;
namespace fw = featherweight;
namespace kernels = featherweight::kernels;

namespace {

template <typename T>
using Rows = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Result = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <typename A>
int size(const A& array, std::size_t axis) {
  return static_cast<int>(array.shape(axis));
}

// Weights [rows, depth] with a scale a row.
struct Int8Weights {
  std::unique_ptr<kernels::Int8Matrix> matrix;
  int rows, depth;
  fw::AlignedArray<unsigned char> scratch;

  Int8Weights(Rows<std::int8_t> weights, InputArray<float> scale, int activation_bits, bool vector)
      : rows(size(weights, 0)), depth(size(weights, 1)) {
    if (size(scale, 0) != rows) throw std::invalid_argument("scale must hold one for each row of weights");
    kernels::Int8Options options;
    options.activation_bits = activation_bits;
    options.by_vectors = vector;
    matrix = kernels::make_int8(weights.data(), scale.data(), rows, depth, 1, options);
    scratch = fw::aligned_array<unsigned char>(matrix->scratch_bytes());
  }

  int groups() const { return (depth + 3) / 4; }

  void multiply(Rows<std::uint32_t> x, float scale, int zero_point, Result<float> y) {
    const int columns = size(x, 1);
    if (size(x, 0) != groups() || size(y, 0) != rows || size(y, 1) != columns) {
      throw std::invalid_argument("x must be [(depth + 3) / 4, columns] and y [rows, columns]");
    }
    std::vector<std::int32_t> offsets(static_cast<std::size_t>(groups()));
    for (int d = 0; d < groups(); ++d) offsets[d] = d * columns;
    kernels::Product product;
    product.rows = rows;
    product.depth = groups();
    product.x = {x.data(), offsets.data(), scale, zero_point};
    product.columns = {columns, columns, columns};
    product.y = y.data();
    product.y_stride = columns;
    nb::gil_scoped_release release;
    matrix->multiply(product, {0, rows}, {0, columns}, scratch.get());
  }

  void multiply_vector(InputArray<float> x, nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu> y) {
    if (size(x, 0) != depth || size(y, 0) != rows) throw std::invalid_argument("x must be [depth] and y [rows]");
    nb::gil_scoped_release release;
    matrix->multiply_vector(x.data(), y.data(), {}, {0, rows}, scratch.get());
  }
};

// x [channels, columns] into elements [(channels + 3) / 4, columns] of four channels each.
void quantize(Rows<float> x, float scale, int zero_point, int top, Result<std::uint32_t> out) {
  const int channels = size(x, 0), columns = size(x, 1);
  if (size(out, 0) != (channels + 3) / 4 || size(out, 1) != columns) {
    throw std::invalid_argument("out must be [(channels + 3) / 4, columns]");
  }
  nb::gil_scoped_release release;
  for (int group = 0; group * 4 < channels; ++group) {
    const float* from[4];
    for (int c = 0; c < 4; ++c) {
      const int channel = group * 4 + c;
      from[c] = channel < channels ? x.data() + static_cast<std::ptrdiff_t>(channel) * columns : nullptr;
    }
    kernels::quantize_channels(from, columns, {scale, zero_point, top},
                               out.data() + static_cast<std::ptrdiff_t>(group) * columns);
  }
}

std::pair<float, int> measure(InputArray<float> x, int top) {
  const kernels::Quantization q = kernels::measure_quantization(x.data(), x.size(), top);
  return {q.scale, q.zero_point};
}

}  // namespace

void bind_int8(nb::module_& m) {
  nb::class_<Int8Weights>(m, "Int8Matrix")
      .def(nb::init<Rows<std::int8_t>, InputArray<float>, int, bool>(), "weights"_a.noconvert(),
           "scale"_a.noconvert(), "activation_bits"_a = 8, "vector"_a = false)
      .def_prop_ro("bytes", [](const Int8Weights& w) { return w.matrix->bytes(); })
      .def("multiply", &Int8Weights::multiply, "x"_a.noconvert(), "scale"_a, "zero_point"_a,
           "y"_a.noconvert())
      .def("multiply_vector", &Int8Weights::multiply_vector, "x"_a.noconvert(), "y"_a.noconvert());
  m.def("quantize_channels", quantize, "x"_a.noconvert(), "scale"_a, "zero_point"_a, "top"_a,
        "out"_a.noconvert());
  m.def("measure_quantization", measure, "x"_a.noconvert(), "top"_a = 255);
}
