#include "kmeans/points.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace featherweight {
namespace {

constexpr std::size_t kManyValues = 65536;  // from here on, a histogram

struct Bin {
  double sum = 0;
  std::uint64_t count = 0;
};

[[noreturn]] void refuse_non_finite() {
  throw std::invalid_argument("`values` must be finite, but one is infinite or not a number");
}

// The non-empty bins, in ascending order.
std::vector<Bin> histogram(const float* values, std::size_t count) {
  std::vector<Bin> bins(kNumBins);
  for (std::size_t i = 0; i < count; ++i) {
    Bin& bin = bins[bin_of(values[i])];
    bin.sum += values[i];
    ++bin.count;
  }
  constexpr float kLargest = 3.4028234e38f;
  for (std::size_t b = 0; b < kNumBins; ++b) {
    const bool finite = b >= bin_of(-kLargest) && b <= bin_of(kLargest);
    if (!finite && bins[b].count > 0) refuse_non_finite();
  }
  bins.erase(std::remove_if(bins.begin(), bins.end(), [](const Bin& b) { return b.count == 0; }),
             bins.end());
  return bins;
}

std::vector<Bin> sorted_values(const float* values, std::size_t count) {
  std::vector<float> sorted(values, values + count);
  for (const float value : sorted) {
    if (!std::isfinite(value)) refuse_non_finite();
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<Bin> bins;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 0 || sorted[i] != sorted[i - 1]) bins.emplace_back();
    bins.back().sum += sorted[i];
    ++bins.back().count;
  }
  return bins;
}

}  // namespace

Points make_points(const float* values, std::size_t count) {
  const std::vector<Bin> bins =
      count < kManyValues ? sorted_values(values, count) : histogram(values, count);
  Points points;
  for (const Bin& bin : bins) points.position.push_back(bin.sum / static_cast<double>(bin.count));

  const std::size_t n = bins.size();
  const auto zero = static_cast<std::size_t>(
      std::lower_bound(points.position.begin(), points.position.end(), 0.0) -
      points.position.begin());
  points.count.assign(n + 1, 0);
  points.sum.assign(n + 1, 0);
  for (std::size_t i = zero; i < n; ++i) {
    points.count[i + 1] = points.count[i] + static_cast<double>(bins[i].count);
    points.sum[i + 1] = points.sum[i] + bins[i].sum;
  }
  for (std::size_t i = zero; i > 0; --i) {
    points.count[i - 1] = points.count[i] - static_cast<double>(bins[i - 1].count);
    points.sum[i - 1] = points.sum[i] - bins[i - 1].sum;
  }
  return points;
}

}  // namespace featherweight
