#include "runtime/shape.h"

#include <algorithm>
#include <stdexcept>

namespace featherweight::runtime {

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
