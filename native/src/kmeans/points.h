// The sorted, weighted points on which one-dimensional k-means works.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace featherweight {

// Bins of floats that share their upper bits, in ascending order.
constexpr int kBinBits = 20;
constexpr std::size_t kNumBins = std::size_t{1} << kBinBits;

// The bin of a value; never decreases as the value grows. Both zeros have the same bin.
inline std::size_t bin_of(float value) {
  value += 0.0f;  // -0 becomes +0
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  // Negative floats are ordered backwards: turn them around, and put them below the positive ones.
  const std::uint32_t sign = static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> 31);
  return (bits ^ (sign | 0x80000000u)) >> (32 - kBinBits);
}

// What lies below a boundary.
struct Below {
  double count;
  double sum;
};

// A point is a value, or a bin whose values are taken as spread evenly around their mean: over as
// much as the bin reaches to both sides.
//
// count[i] and sum[i] are those of the points before i, counted from the point nearest to zero
// outwards (and negative below it), so that an outlier spoils no sum but its own.
struct Points {
  std::vector<double> position;    // [n], ascending
  std::vector<double> half_width;  // [n], 0 for a value
  std::vector<double> count;       // [n + 1]
  std::vector<double> sum;         // [n + 1]

  std::size_t size() const { return position.size(); }

  // All up to `boundary`, a part of a bin included. A value on the boundary is above it.
  Below below(double boundary) const;
  double count_in(std::size_t first, std::size_t last) const { return count[last] - count[first]; }
  double sum_in(std::size_t first, std::size_t last) const { return sum[last] - sum[first]; }
};

// Throws std::invalid_argument if a value is not finite.
Points make_points(const float* values, std::size_t count);

}  // namespace featherweight
