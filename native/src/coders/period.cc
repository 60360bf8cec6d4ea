#include "coders/period.h"

#include <algorithm>

namespace featherweight {
namespace {

constexpr std::int64_t kMaxPeriod = 256;
constexpr std::size_t kMaxCandidates = 4;

// agreement[d]: the sum over all pairs that stand d apart in one row.
std::vector<std::int64_t> sum_agreement(const std::vector<std::int64_t>& positions,
                                        const std::vector<std::int32_t>& values,
                                        std::int64_t columns) {
  std::vector<std::int64_t> agreement(kMaxPeriod + 2);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const std::int64_t row_start = positions[i] / columns * columns;
    const std::int64_t from = std::max(row_start, positions[i] - kMaxPeriod - 1);
    for (std::size_t j = i; j > 0 && positions[j - 1] >= from; --j) {
      const std::int64_t product =
          values.empty() ? 1 : std::int64_t{values[i]} * values[j - 1];
      agreement[static_cast<std::size_t>(positions[i] - positions[j - 1])] += product;
    }
  }
  return agreement;
}

}  // namespace

std::vector<std::size_t> likely_periods(const std::vector<std::int64_t>& positions,
                                        const std::vector<std::int32_t>& values,
                                        std::size_t columns) {
  const std::vector<std::int64_t> agreement =
      sum_agreement(positions, values, static_cast<std::int64_t>(columns));
  std::vector<std::size_t> periods;
  for (std::size_t d = 3; d <= kMaxPeriod && d < columns; ++d) {
    if (agreement[d] > agreement[d - 1] && agreement[d] >= agreement[d + 1]) periods.push_back(d);
  }
  std::stable_sort(periods.begin(), periods.end(),
                   [&](std::size_t a, std::size_t b) { return agreement[a] > agreement[b]; });
  periods.resize(std::min(periods.size(), kMaxCandidates));
  return periods;
}

}  // namespace featherweight
