#include "runtime/shape.h"

#include <algorithm>
#include <stdexcept>

namespace featherweight::runtime {

std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw std::invalid_argument("a size is out of range");
  return sum;
}

std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw std::invalid_argument("a size is out of range");
  return product;
}

bool is_sound(const Shape& shape) {
  constexpr std::size_t kMostDimensions = 32;  // of tensors in a file
  std::int64_t product = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || size > INT32_MAX / product) return false;
    product *= std::max<std::int64_t>(size, 1);
  }
  return shape.size() <= kMostDimensions;
}

std::int64_t elements(const Shape& shape, std::size_t from, std::size_t to) {
  std::int64_t product = 1;
  for (std::size_t i = from; i < to; ++i) product *= shape[i];
  return product;
}

std::int64_t elements(const Shape& shape) { return elements(shape, 0, shape.size()); }

std::string text(const Shape& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return out + "]";
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      throw std::invalid_argument("shapes " + text(a) + " and " + text(b) + " do not fit together");
    }
    out[out.size() - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

Shape strides_of(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

Shape broadcast_strides(const Shape& shape, const Shape& result) {
  const Shape own = strides_of(shape);
  Shape strides(result.size(), 0);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1) strides[result.size() - shape.size() + i] = own[i];
  }
  return strides;
}

}  // namespace featherweight::runtime
