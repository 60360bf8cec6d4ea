// Memory for weights and activations: aligned to a cache line, not initialised.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace featherweight {

constexpr std::size_t kAlignment = 64;

struct AlignedDelete {
  void operator()(void* p) const noexcept { std::free(p); }
};

template <typename T>
using AlignedArray = std::unique_ptr<T[], AlignedDelete>;

template <typename T>
AlignedArray<T> aligned_array(std::size_t count) {
  const std::size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  void* const p = std::aligned_alloc(kAlignment, bytes > 0 ? bytes : kAlignment);
  if (p == nullptr) throw std::bad_alloc();
  return AlignedArray<T>(static_cast<T*>(p));
}

}  // namespace featherweight
