#include "kernels/aligned.h"

#include <new>

namespace featherweight {

void* allocate_aligned(std::size_t bytes) {
  const std::size_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* const p = std::aligned_alloc(kAlignment, whole > 0 ? whole : kAlignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace featherweight
