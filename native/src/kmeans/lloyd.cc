#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "featherweight/kmeans.h"
#include "kmeans/points.h"

namespace featherweight {
namespace {

void check_arguments(const float* centroids, std::size_t k, int max_iterations) {
  if (k < 1 || k > kMaxClusters) {
    throw std::invalid_argument("`centroids` must hold 1 to 256 values, but got " +
                                std::to_string(k));
  }
  if (max_iterations < 0) {
    throw std::invalid_argument("`max_iterations` must not be negative, but got max_iterations=" +
                                std::to_string(max_iterations));
  }
  if (!std::all_of(centroids, centroids + k, [](float c) { return std::isfinite(c); })) {
    throw std::invalid_argument("`centroids` must be finite, but one is infinite or not a number");
  }
}

double middle(double a, double b) { return a + (b - a) / 2; }

// One step; returns whether a centroid moved by more than rounding does.
bool step(const Points& points, std::vector<double>& centroids) {
  const std::vector<double> before = centroids;
  Below below{points.count.front(), points.sum.front()};
  for (std::size_t j = 0; j < before.size(); ++j) {
    const Below next = j + 1 < before.size()
                           ? points.below(middle(before[j], before[j + 1]))
                           : Below{points.count.back(), points.sum.back()};
    const double count = next.count - below.count;
    if (count > 0) centroids[j] = (next.sum - below.sum) / count;
    below = next;
  }
  // Only an empty cluster's centroid, which stays, can be overtaken.
  std::sort(centroids.begin(), centroids.end());
  return !std::equal(centroids.begin(), centroids.end(), before.begin(), [](double a, double b) {
    return std::abs(a - b) <= 1e-12 * std::abs(a);
  });
}

// The code of a value is the number of `uppers` that it reaches. Most bins lie between two uppers,
// so the number of those in lower bins is the answer; in the others a comparison or two follow.
class Assigner {
 public:
  explicit Assigner(const std::vector<double>& centroids) : code_at_least_(kNumBins) {
    uppers_.fill(std::numeric_limits<float>::infinity());
    std::size_t bin = 0;
    for (std::size_t j = 0; j + 1 < centroids.size(); ++j) {
      uppers_[j] = least_float_from(middle(centroids[j], centroids[j + 1]));
      for (const std::size_t end = bin_of(uppers_[j]) + 1; bin < end; ++bin) {
        code_at_least_[bin] = static_cast<std::uint8_t>(j);
      }
    }
    std::fill(code_at_least_.begin() + static_cast<std::ptrdiff_t>(bin), code_at_least_.end(),
              static_cast<std::uint8_t>(centroids.size() - 1));
  }

  std::uint8_t operator()(float value) const {
    std::uint8_t code = code_at_least_[bin_of(value)];
    while (value >= uppers_[code]) ++code;
    return code;
  }

 private:
  static float least_float_from(double bound) {
    const auto nearest = static_cast<float>(bound);
    return nearest < bound ? std::nextafter(nearest, std::numeric_limits<float>::infinity())
                           : nearest;
  }

  std::vector<std::uint8_t> code_at_least_;
  std::array<float, kMaxClusters> uppers_;  // the last is infinite
};

}  // namespace

void kmeans_1d(const float* values, std::size_t count, float* centroids, std::size_t k,
               int max_iterations, std::uint8_t* codes) {
  check_arguments(centroids, k, max_iterations);
  std::vector<double> moved(centroids, centroids + k);
  std::sort(moved.begin(), moved.end());
  const Points points = make_points(values, count);
  for (int i = 0; i < max_iterations && step(points, moved); ++i) {
  }

  const Assigner code_of(moved);
  // Four sums a cluster, so that equal neighbours do not wait for each other's addition.
  constexpr std::size_t kLanes = 4;
  std::vector<std::array<double, kLanes>> sums(k);
  std::vector<std::array<double, kLanes>> counts(k);
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = code_of(values[i]);
    sums[codes[i]][i % kLanes] += values[i];
    counts[codes[i]][i % kLanes] += 1;
  }
  for (std::size_t j = 0; j < k; ++j) {
    const double sum = (sums[j][0] + sums[j][1]) + (sums[j][2] + sums[j][3]);
    const double number = (counts[j][0] + counts[j][1]) + (counts[j][2] + counts[j][3]);
    centroids[j] = static_cast<float>(number > 0 ? sum / number : moved[j]);
  }
}

}  // namespace featherweight
