#include "coders/codes_model.h"

#include <algorithm>

namespace featherweight {
namespace {

constexpr int kMaxLevelBits = 4;
constexpr std::size_t kLevels = (std::size_t{1} << kMaxLevelBits) + 1;  // with 0 for none
constexpr std::size_t kAverages = 2 * (kLevels - 1);  // in half levels
constexpr std::size_t kColumnClasses = 8;
constexpr std::size_t kNeighbourCounts = 11;

// How full a column is, in steps of 1/32 of its rows.
std::uint8_t column_class(std::uint32_t kept, std::size_t rows) {
  return static_cast<std::uint8_t>(
      std::min<std::uint64_t>(std::uint64_t{kept} * 32 / rows, kColumnClasses - 1));
}

}  // namespace

CodesModel::CodesModel(int num_bits, std::size_t rows,
                       const std::vector<std::uint32_t>& kept_in_column, std::size_t period)
    : num_bits_(num_bits),
      size_(std::size_t{1} << num_bits),
      level_shift_(std::max(num_bits - kMaxLevelBits, 0)),
      period_(period),
      margin_(2 * std::max<std::size_t>(period, 1)),
      levels_(kept_in_column.size() + 2 * margin_),
      kept_(levels_.size()),
      column_class_(levels_.size()),
      alone_(size_),
      pair_(kLevels * kLevels * size_),
      average_(3 * kAverages * size_),
      place_(kColumnClasses * kNeighbourCounts * size_) {
  const auto w = static_cast<std::ptrdiff_t>(period);
  seen_ = {{-1, 2}, {-2, 1}};
  around_ = {-2, -1, 1, 2};
  if (w > 0) {
    seen_.insert(seen_.end(), {{-w, 2}, {-w - 1, 1}, {1 - w, 1}, {-2 * w, 1}});
    around_.insert(around_.end(), {-w - 1, -w, 1 - w, w - 1, w, w + 1});
  }
  for (std::size_t c = 0; c < kept_in_column.size(); ++c) {
    column_class_[c + margin_] = column_class(kept_in_column[c], rows);
  }
}

void CodesModel::begin_row(const std::vector<std::size_t>& columns) {
  for (const std::size_t at : row_) levels_[at] = kept_[at] = 0;
  row_.clear();
  for (const std::size_t column : columns) {
    row_.push_back(column + margin_);
    kept_[column + margin_] = 1;
  }
}

void CodesModel::look_around(std::size_t at) {
  const std::uint8_t* const level = &levels_[at];
  const std::size_t above = period_ > 0 ? level[seen_[2].offset] : 0;
  pair_context_ = level[-1] * kLevels + above;

  std::size_t sum = 0;
  std::size_t weight = 0;
  for (const Neighbour& neighbour : seen_) {
    const std::uint8_t there = level[neighbour.offset];
    if (there == 0) continue;
    sum += neighbour.weight * (there - 1);
    weight += neighbour.weight;
  }
  average_context_ = weight == 0 ? 0 : (weight <= 2 ? 1 : 2) * kAverages + 2 * sum / weight;

  std::size_t around = 0;
  for (const std::ptrdiff_t offset : around_) around += kept_[at + offset];
  place_context_ = column_class_[at] * kNeighbourCounts + around;
}

}  // namespace featherweight
