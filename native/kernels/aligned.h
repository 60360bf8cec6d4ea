// Memory for weights and activations: aligned to a cache line, not initialised.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace featherweight {

constexpr std::size_t kAlignment = 64;

struct AlignedDelete {
  void operator()(void* p) const noexcept { std::free(p); }
};

template <typename T>
using AlignedArray = std::unique_ptr<T[], AlignedDelete>;

// Throws std::bad_alloc, and so is not here: kernels include this, and are compiled without exceptions.
void* allocate_aligned(std::size_t bytes);

template <typename T>
AlignedArray<T> aligned_array(std::size_t count) {
  return AlignedArray<T>(static_cast<T*>(allocate_aligned(count * sizeof(T))));
}

}  // namespace featherweight
