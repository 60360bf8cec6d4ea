// One-dimensional k-means for Python.
#include <nanobind/stl/pair.h>

#include <algorithm>
#include <vector>

#include "bindings.h"
#include "featherweight/kmeans.h"

namespace nb = nanobind;
using namespace nb::literals;
namespace fw = featherweight;

namespace {

using Values = InputArray<float>;

std::pair<OutputArray<float>, OutputArray<std::uint8_t>> kmeans_1d(Values values, Values centroids,
                                                                   int max_iterations) {
  std::vector<float> moved(centroids.data(), centroids.data() + centroids.size());
  auto codes = make_array<std::uint8_t>(values.size(), [&](std::uint8_t* out) {
    fw::kmeans_1d(values.data(), values.size(), moved.data(), moved.size(), max_iterations, out);
  });
  auto means = make_array<float>(
      moved.size(), [&](float* out) { std::copy(moved.begin(), moved.end(), out); });
  return {means, codes};
}

OutputArray<float> kmeans_1d_optimal(Values values, std::size_t k) {
  std::vector<float> centroids;
  {
    nb::gil_scoped_release release;
    centroids = fw::kmeans_1d_optimal(values.data(), values.size(), k);
  }
  return make_array<float>(centroids.size(), [&](float* out) {
    std::copy(centroids.begin(), centroids.end(), out);
  });
}

}  // namespace

void bind_kmeans(nb::module_& m) {
  m.def("kmeans_1d", kmeans_1d, "values"_a.noconvert(), "centroids"_a.noconvert(),
        "max_iterations"_a = 1000);
  m.def("kmeans_1d_optimal", kmeans_1d_optimal, "values"_a.noconvert(), "k"_a);
}
