// One function a file of bindings; module.cc calls them.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <memory>

void bind_binary(nanobind::module_& m);
void bind_coders(nanobind::module_& m);
void bind_int8(nanobind::module_& m);
void bind_kernels(nanobind::module_& m);
void bind_kmeans(nanobind::module_& m);
void bind_reader(nanobind::module_& m);
void bind_session(nanobind::module_& m);

// A one-dimensional, C-contiguous array on the CPU; another dtype or layout is a TypeError.
template <typename T>
using InputArray = nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::c_contig,
                                     nanobind::device::cpu>;
template <typename T>
using OutputArray = nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<1>>;

// A new NumPy array of `count` elements that `fill` writes, with the GIL released.
template <typename T, typename Fill>
OutputArray<T> make_array(std::size_t count, Fill fill) {
  auto values = std::unique_ptr<T[]>(new T[count]);
  {
    nanobind::gil_scoped_release release;
    fill(values.get());
  }
  T* const data = values.release();
  nanobind::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return OutputArray<T>(data, {count}, owner);
}
