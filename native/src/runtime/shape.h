// Shapes, row-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace featherweight::runtime {

using Shape = std::vector<std::int64_t>;

// Elements of a shape, or of its dimensions [from, to).
std::int64_t elements(const Shape& shape);
std::int64_t elements(const Shape& shape, std::size_t from, std::size_t to);
std::string text(const Shape& shape);  // "[1, 3, 224, 224]"

// Sizes from a file may be anything: these throw std::invalid_argument beyond 63 bits.
std::int64_t checked_sum(std::int64_t a, std::int64_t b);
std::int64_t checked_product(std::int64_t a, std::int64_t b);

// Whether a value may have this shape: a rank and a number of elements that the kernels' 32-bit offsets
// reach, counted as if no dimension were 0, so that no stride overflows either.
bool is_sound(const Shape& shape);

// The shape of an elementwise result. Throws std::invalid_argument where the two do not fit.
Shape broadcast(const Shape& a, const Shape& b);

// How many elements apart neighbours of each dimension lie.
Shape strides_of(const Shape& shape);
// The same for a value that is read as `result`: 0 where it is repeated.
Shape broadcast_strides(const Shape& shape, const Shape& result);

}  // namespace featherweight::runtime
