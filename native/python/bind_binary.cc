// Binary products alone: for tests and benchmarks of kernels.
#include <nanobind/stl/unique_ptr.h>

#include <stdexcept>
#include <vector>

#include "bindings.h"
#include "kernels/aligned.h"
#include "kernels/binary/binary.h"
#include "kernels/binary/pack.h"

namespace nb = nanobind;
using namespace nb::literals;
namespace fw = featherweight;
namespace kernels = featherweight::kernels;

namespace {

using Floats = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Signs = nb::ndarray<const std::uint32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using MutableSigns = nb::ndarray<std::uint32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

int size_of(std::size_t size) { return static_cast<int>(size); }

void pack(const float* x, int channels, int columns, std::uint32_t* signs) {
  for (int first = 0; first < channels; first += kernels::kBitsInWord) {
    const int left = channels - first;
    kernels::pack_planes(x + static_cast<std::ptrdiff_t>(first) * columns, columns,
                         left < kernels::kBitsInWord ? left : kernels::kBitsInWord, columns,
                         signs + static_cast<std::ptrdiff_t>(first / kernels::kBitsInWord) * columns, nullptr);
  }
}

void pack_signs(Floats x, MutableSigns signs) {
  const int channels = size_of(x.shape(0)), columns = size_of(x.shape(1));
  if (size_of(signs.shape(0)) != kernels::words_of(channels) || size_of(signs.shape(1)) != columns) {
    throw std::invalid_argument("x must be [channels, columns] and signs [ceil(channels / 32), columns]");
  }
  pack(x.data(), channels, columns, signs.data());
}

struct BinaryMatrix {
  int rows, channels;
  std::unique_ptr<kernels::Matrix> matrix;
  fw::AlignedArray<unsigned char> scratch;
  std::vector<std::uint32_t> signs;

  explicit BinaryMatrix(Floats weights)
      : rows(size_of(weights.shape(0))), channels(size_of(weights.shape(1))),
        matrix(kernels::make_binary(weights.data(), rows, channels, 1)),
        scratch(fw::aligned_array<unsigned char>(matrix->scratch_bytes())) {}

  void run(const std::uint32_t* x, int columns, float* y) {
    std::vector<std::int32_t> offsets(static_cast<std::size_t>(kernels::words_of(channels)));
    for (std::size_t d = 0; d < offsets.size(); ++d) offsets[d] = size_of(d) * columns;
    kernels::Product product;
    product.rows = rows;
    product.depth = size_of(offsets.size());
    product.x = {x, offsets.data()};
    product.columns = {columns, columns, columns};
    product.y = y;
    product.y_stride = columns;
    matrix->multiply(product, {0, rows}, {0, columns}, scratch.get());
  }

  void multiply(Floats x, Result y) {
    check(size_of(x.shape(0)) == channels && x.shape(1) == y.shape(1), y);
    const int columns = size_of(x.shape(1));
    signs.resize(static_cast<std::size_t>(kernels::words_of(channels)) * columns);
    nb::gil_scoped_release release;
    pack(x.data(), channels, columns, signs.data());
    run(signs.data(), columns, y.data());
  }

  void multiply_signs(Signs x, Result y) {
    check(size_of(x.shape(0)) == kernels::words_of(channels) && x.shape(1) == y.shape(1), y);
    nb::gil_scoped_release release;
    run(x.data(), size_of(x.shape(1)), y.data());
  }

  void multiply_vector(InputArray<float> x, Vector y) {
    if (size_of(x.size()) != channels || size_of(y.size()) != rows) {
      throw std::invalid_argument("x must be [channels] and y [rows]");
    }
    nb::gil_scoped_release release;
    matrix->multiply_vector(x.data(), y.data(), {}, {0, rows}, scratch.get());
  }

  void check(bool fits, const Result& y) const {
    if (!fits || size_of(y.shape(0)) != rows) {
      throw std::invalid_argument("x must be [channels, columns] and y [rows, columns]");
    }
  }
};

}  // namespace

void bind_binary(nb::module_& m) {
  m.def("pack_signs", pack_signs, "x"_a.noconvert(), "signs"_a.noconvert());
  nb::class_<BinaryMatrix>(m, "BinaryMatrix")
      .def(nb::init<Floats>(), "weights"_a.noconvert())
      .def_prop_ro("bytes", [](const BinaryMatrix& w) { return w.matrix->bytes(); })
      .def("multiply", &BinaryMatrix::multiply, "x"_a.noconvert(), "y"_a.noconvert())
      .def("multiply_signs", &BinaryMatrix::multiply_signs, "x"_a.noconvert(), "y"_a.noconvert())
      .def("multiply_vector", &BinaryMatrix::multiply_vector, "x"_a.noconvert(), "y"_a.noconvert());
}
