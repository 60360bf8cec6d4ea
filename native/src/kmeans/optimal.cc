// Optimal one-dimensional clustering by dynamic programming over sorted points (H. Wang, M. Song,
// "Ckmeans.1d.dp", The R Journal 3(2), 2011), each row in O(n log n) by divide and conquer, since
// the first point of the last cluster never moves down as points are added (A. Gronlund et al.,
// "Fast Exact k-Means, k-Medians and Bregman Divergence Clustering in 1D", arXiv 1701.07204).
#include <algorithm>
#include <stdexcept>
#include <string>

#include "featherweight/kmeans.h"
#include "kmeans/points.h"

namespace featherweight {
namespace {

// Squared distances to the mean are the sum of squares, which no clustering changes, less this:
double gain(const Points& points, std::size_t first, std::size_t last) {
  const double sum = points.sum_in(first, last);
  return sum * sum / points.count_in(first, last);
}

// best[m]: the largest gain of the first m points with one cluster more than in `before`;
// firsts[m]: the first point of its last cluster.
struct Row {
  const Points& points;
  const std::vector<double>& before;
  std::vector<double>& best;
  std::vector<std::uint32_t>& firsts;

  // Fills low <= m < high, for which `from` <= firsts[m] <= `to`.
  void fill(std::size_t low, std::size_t high, std::size_t from, std::size_t to) {
    if (low >= high) return;
    const std::size_t m = low + (high - low) / 2;
    best[m] = -1;
    for (std::size_t first = from; first <= std::min(to, m - 1); ++first) {
      const double value = before[first] + gain(points, first, m);
      if (value > best[m]) {
        best[m] = value;
        firsts[m] = static_cast<std::uint32_t>(first);
      }
    }
    fill(low, m, from, firsts[m]);
    fill(m + 1, high, firsts[m], to);
  }
};

}  // namespace

std::vector<float> kmeans_1d_optimal(const float* values, std::size_t count, std::size_t k) {
  if (k < 1 || k > kMaxClusters) {
    throw std::invalid_argument("`k` must be between 1 and 256 inclusive, but got k=" +
                                std::to_string(k));
  }
  const Points points = make_points(values, count);
  const std::size_t n = points.size();
  k = std::min(k, n);
  if (k == 0) return {};

  std::vector<std::vector<std::uint32_t>> firsts(k, std::vector<std::uint32_t>(n + 1));
  std::vector<double> best(n + 1);
  for (std::size_t m = 1; m <= n; ++m) best[m] = gain(points, 0, m);
  for (std::size_t j = 1; j < k; ++j) {
    const std::vector<double> before = best;
    Row{points, before, best, firsts[j]}.fill(j + 1, n + 1, j, n - 1);
  }
  std::vector<float> centroids(k);
  for (std::size_t j = k, last = n; j > 0; --j) {
    const std::size_t first = firsts[j - 1][last];
    centroids[j - 1] =
        static_cast<float>(points.sum_in(first, last) / points.count_in(first, last));
    last = first;
  }
  return centroids;
}

}  // namespace featherweight
