// Weights in an execution format, multiplied alone: for tests and benchmarks of kernels.
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "bindings.h"
#include "kernels/aligned.h"
#include "kernels/binary_weight/binary_weight.h"
#include "kernels/dispatch.h"
#include "kernels/slots/slots.h"
#include "kernels/two_of_sixteen/two_of_sixteen.h"

namespace nb = nanobind;
using namespace nb::literals;
namespace fw = featherweight;
namespace kernels = featherweight::kernels;

namespace {

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// The distinct values of `weights` are the codebook.
std::unique_ptr<kernels::Matrix> make_codebook(Rows weights, kernels::VectorPrecision precision) {
  const float* const begin = weights.data();
  const float* const end = begin + weights.size();
  std::vector<float> codebook(begin, end);
  std::sort(codebook.begin(), codebook.end());
  codebook.erase(std::unique(codebook.begin(), codebook.end()), codebook.end());
  if (codebook.size() > 256) throw std::invalid_argument("a codebook holds at most 256 different values");
  std::vector<std::uint8_t> codes;
  for (const float* w = begin; w != end; ++w) {
    codes.push_back(static_cast<std::uint8_t>(std::lower_bound(codebook.begin(), codebook.end(), *w) -
                                              codebook.begin()));
  }
  kernels::CodebookOptions options;
  options.vector = precision;
  return kernels::make_codebook(codes.data(), codebook.data(), static_cast<int>(codebook.size()),
                                static_cast<int>(weights.shape(0)), static_cast<int>(weights.shape(1)),
                                options);
}

// Formats that only multiply float32 operands; zeros of `weights` are what is pruned. `vector`: packed
// for matrix-vector products alone, where the format has such a layout.
std::unique_ptr<kernels::Matrix> make(const std::string& format, Rows weights, bool vector) {
  const int rows = static_cast<int>(weights.shape(0)), depth = static_cast<int>(weights.shape(1));
  if (format == "dense") return kernels::make_dense(weights.data(), rows, depth);
  if (format == "codebook") return make_codebook(weights, kernels::VectorPrecision::float32);
  if (format == "codebook, int16") return make_codebook(weights, kernels::VectorPrecision::int16);
  if (format == "codebook, int8") return make_codebook(weights, kernels::VectorPrecision::int8);
  if (format == "binary_weight") return kernels::make_binary_weight(weights.data(), rows, depth);
  const kernels::SparseFromDense sparse(weights.data(), rows, depth);
  const kernels::Use use = vector ? kernels::Use::vector : kernels::Use::columns;
  if (format == "csr") return kernels::make_csr(sparse.view(), use);
  if (format == "blocks4x1") return kernels::make_blocks(sparse.view(), 4, use);
  if (format == "blocks8x1") return kernels::make_blocks(sparse.view(), 8, use);
  if (format == "slots") return kernels::make_slots(sparse.view(), false);
  if (format == "slots_exact") return kernels::make_slots(sparse.view(), true);
  if (format == "two_of_sixteen") return kernels::make_two_of_sixteen(sparse.view(), false);
  if (format == "two_of_sixteen_exact") return kernels::make_two_of_sixteen(sparse.view(), true);
  throw std::invalid_argument("no execution format is named '" + format + "'");
}

// A matrix with its scratch and the offsets of rows that lie one after the other.
struct Weights {
  std::unique_ptr<kernels::Matrix> matrix;
  int rows, depth;
  fw::AlignedArray<unsigned char> scratch;

  Weights(const std::string& format, Rows weights, bool vector)
      : matrix(make(format, weights, vector)),
        rows(static_cast<int>(weights.shape(0))),
        depth(static_cast<int>(weights.shape(1))),
        scratch(fw::aligned_array<unsigned char>(matrix->scratch_bytes())) {}

  void multiply(Rows x, Result y) {
    if (!matrix->multiplies_columns()) throw std::invalid_argument("these weights only multiply vectors");
    const int columns = static_cast<int>(x.shape(1));
    if (static_cast<int>(x.shape(0)) != depth || static_cast<int>(y.shape(0)) != rows ||
        static_cast<int>(y.shape(1)) != columns) {
      throw std::invalid_argument("x must be [depth, columns] and y [rows, columns]");
    }
    std::vector<std::int32_t> offsets(static_cast<std::size_t>(depth));
    for (int d = 0; d < depth; ++d) offsets[d] = d * columns;
    kernels::Product product;
    product.rows = rows;
    product.depth = depth;
    product.x = {x.data(), offsets.data()};
    product.columns = {columns, columns, columns};
    product.y = y.data();
    product.y_stride = columns;
    nb::gil_scoped_release release;
    matrix->multiply(product, {0, rows}, {0, columns}, scratch.get());
  }

  void multiply_vector(InputArray<float> x, Vector y) {
    if (static_cast<int>(x.size()) != depth || static_cast<int>(y.size()) != rows) {
      throw std::invalid_argument("x must be [depth] and y [rows]");
    }
    nb::gil_scoped_release release;
    matrix->multiply_vector(x.data(), y.data(), {}, {0, rows}, scratch.get());
  }
};

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const kernels::InstructionSet set : kernels::available()) names.emplace_back(name_of(set));
  return names;
}

void choose(const std::string& name) {
  for (const kernels::InstructionSet set : kernels::available()) {
    if (name == name_of(set)) return kernels::choose(set);
  }
  throw std::invalid_argument("this machine cannot run instruction set '" + name + "'");
}

}  // namespace

void bind_kernels(nb::module_& m) {
  nb::class_<Weights>(m, "Matrix")
      .def(nb::init<const std::string&, Rows, bool>(), "format"_a, "weights"_a.noconvert(),
           "vector"_a = false)
      .def_prop_ro("format", [](const Weights& w) { return w.matrix->format(); })
      .def_prop_ro("bytes", [](const Weights& w) { return w.matrix->bytes(); })
      .def("multiply", &Weights::multiply, "x"_a.noconvert(), "y"_a.noconvert())
      .def("multiply_vector", &Weights::multiply_vector, "x"_a.noconvert(), "y"_a.noconvert());
  m.def("instruction_sets", instruction_sets);
  m.def("choose_instruction_set", choose, "name"_a);
}
