// Lloyd's iteration and the optimum, on sorted values and on the histogram.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "featherweight/kmeans.h"

namespace fw = featherweight;

namespace {

std::vector<float> gaussian(std::size_t count) {
  std::mt19937 random(1);
  std::vector<float> values(count);
  for (float& value : values) {
    double sum = 0;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random()) / 4294967296.0 - 0.5;
    value = static_cast<float>(sum);
  }
  return values;
}

double squared_error(const std::vector<float>& values, const std::vector<float>& centroids) {
  double sum = 0;
  for (const float value : values) {
    double nearest = std::numeric_limits<double>::infinity();
    for (const float centroid : centroids) {
      nearest = std::min(nearest, std::abs(static_cast<double>(value) - centroid));
    }
    sum += nearest * nearest;
  }
  return sum;
}

void test_codes_and_means(std::size_t count) {
  const std::vector<float> values = gaussian(count);
  std::vector<float> centroids = {-2, -1, 0, 1, 2};
  std::vector<std::uint8_t> codes(count);
  fw::kmeans_1d(values.data(), count, centroids.data(), 5, 1000, codes.data());
  std::vector<double> sums(5), numbers(5);
  for (std::size_t i = 0; i < count; ++i) {
    sums[codes[i]] += values[i];
    numbers[codes[i]] += 1;
  }
  for (std::size_t j = 0; j < 5; ++j) CHECK(std::abs(sums[j] / numbers[j] - centroids[j]) < 1e-6);
  CHECK(std::is_sorted(centroids.begin(), centroids.end()));

  const std::vector<float> best = fw::kmeans_1d_optimal(values.data(), count, 5);
  CHECK(best.size() == 5);
  // A bell has one optimum, which the iteration finds.
  const double error = squared_error(values, best);
  CHECK(std::abs(squared_error(values, centroids) - error) < 1e-3 * error);
}

void test_bad_arguments() {
  std::vector<float> values = {1, 2, std::numeric_limits<float>::infinity()};
  std::vector<float> centroids = {0};
  std::vector<std::uint8_t> codes(3);
  CHECK_THROWS(fw::kmeans_1d(values.data(), 3, centroids.data(), 1, 9, codes.data()),
               std::invalid_argument);
  CHECK_THROWS(fw::kmeans_1d(values.data(), 2, centroids.data(), 0, 9, codes.data()),
               std::invalid_argument);
  CHECK_THROWS(fw::kmeans_1d_optimal(values.data(), 2, 257), std::invalid_argument);
  values.assign(70000, 1.0f);
  values[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS(fw::kmeans_1d_optimal(values.data(), values.size(), 2), std::invalid_argument);
}

}  // namespace

int main() {
  test_codes_and_means(5000);
  test_codes_and_means(100000);
  test_bad_arguments();
}
