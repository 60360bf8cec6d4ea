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

// How far a bin reaches from the mean of its values to its nearer end.
double reach(double mean) {
  const auto magnitude = static_cast<float>(std::abs(mean));
  std::uint32_t bits;
  std::memcpy(&bits, &magnitude, sizeof(bits));
  const std::uint32_t inner_bits = bits >> (32 - kBinBits) << (32 - kBinBits);
  const std::uint32_t outer_bits = inner_bits + (1u << (32 - kBinBits));
  float inner;
  float outer;
  std::memcpy(&inner, &inner_bits, sizeof(inner));
  std::memcpy(&outer, &outer_bits, sizeof(outer));
  return std::max(0.0, std::min(std::abs(mean) - inner, outer - std::abs(mean)));
}

}  // namespace

Below Points::below(double boundary) const {
  const auto found = std::lower_bound(position.begin(), position.end(), boundary);
  const auto i = static_cast<std::size_t>(found - position.begin());
  Below below{count[i], sum[i]};
  if (i < size() && position[i] - half_width[i] < boundary) {
    const double lowest = position[i] - half_width[i];
    const double part = (boundary - lowest) / (2 * half_width[i]) * count_in(i, i + 1);
    below.count += part;
    below.sum += part * (lowest + boundary) / 2;
  } else if (i > 0 && position[i - 1] + half_width[i - 1] > boundary) {
    const double highest = position[i - 1] + half_width[i - 1];
    const double part = (highest - boundary) / (2 * half_width[i - 1]) * count_in(i - 1, i);
    below.count -= part;
    below.sum -= part * (boundary + highest) / 2;
  }
  return below;
}

Points make_points(const float* values, std::size_t count) {
  const std::vector<Bin> bins =
      count < kManyValues ? sorted_values(values, count) : histogram(values, count);
  Points points;
  for (const Bin& bin : bins) {
    points.position.push_back(bin.sum / static_cast<double>(bin.count));
    points.half_width.push_back(count < kManyValues ? 0 : reach(points.position.back()));
  }

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
