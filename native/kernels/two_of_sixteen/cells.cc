#include "kernels/two_of_sixteen/cells.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace featherweight::kernels {

namespace {

// How many find a place if there are two for every 16 columns.
std::uint64_t narrow_entries(const SparseWeights& w) {
  std::uint64_t entries = 0;
  for (int row = 0; row < w.rows; ++row) {
    const std::uint32_t first = w.row_start[row];
    for (std::uint32_t entry = first; entry < w.row_start[row + 1]; ++entry) {
      entries += entry < first + 2 || w.columns[entry - 2] / 16 != w.columns[entry] / 16;
    }
  }
  return entries;
}

}  // namespace

Cells::Cells(const SparseWeights& weights, bool exact)
    : rows_(weights.rows), tiles_((weights.rows + kCellRows - 1) / kCellRows),
      cells_((weights.depth + kCellColumns - 1) / kCellColumns) {
  choose_entries(weights);
  pack(weights, exact && !wide_);
}

void Cells::choose_entries(const SparseWeights& w) {
  float largest = 0.0f;
  for (std::uint32_t i = 0; i < w.entries(); ++i) largest = std::max(largest, std::abs(w.value(i)));
  scale_ = largest / 127.0f;
  if (w.codes == nullptr && w.entries() > 0) return;
  const float* const end = w.codebook + w.codebook_size;
  const bool all_used = narrow_entries(w) == static_cast<std::uint64_t>(rows_) * cells_ * kCellEntries;
  zero_ = all_used ? 0 : static_cast<int>(std::find(w.codebook, end, 0.0f) - w.codebook);
  wide_ = std::max(w.codebook_size, zero_ + 1) > 16;
  if (wide_) return;
  std::copy(w.codebook, end, codebook_);
  std::transform(codebook_, codebook_ + 16, rounded_, [this](float c) { return rounded(c); });
}

std::int8_t Cells::rounded(float value) const {
  if (scale_ == 0.0f) return 0;
  // An entry of the codebook that no weight uses may be larger than all weights.
  return static_cast<std::int8_t>(std::clamp(std::nearbyint(value / scale_), -127.0f, 127.0f));
}

void Cells::pack_entry(const SparseWeights& w, int row, std::uint32_t entry, int slot) {
  const int column = w.columns[entry];
  const std::size_t cell = static_cast<std::size_t>(row / kCellRows) * cells_ + column / kCellColumns;
  const int at = row % kCellRows * kCellEntries + slot;
  if (wide_) {
    data_[cell * 2 * kCellBytes + at] = static_cast<std::uint8_t>(column % kCellColumns);
    data_[(cell * 2 + 1) * kCellBytes + at] = static_cast<std::uint8_t>(rounded(w.value(entry)));
  } else {
    data_[cell * kCellBytes + at] = static_cast<std::uint8_t>(column % 16 | w.codes[entry] << 4);
  }
}

void Cells::pack(const SparseWeights& w, bool exact) {
  const std::size_t size = static_cast<std::size_t>(tiles_) * cells_ * kCellBytes * (wide_ ? 2 : 1);
  data_ = aligned_array<std::uint8_t>(size);
  std::memset(data_.get(), wide_ ? 0 : zero_ << 4, size);
  totals_.assign(static_cast<std::size_t>(tiles_) * kCellRows, 0);
  overflow_.row_start.push_back(0);
  // Slots are filled group by group: 4 of each 32 columns where entries are wide, else 2 of each 16.
  const int group_columns = wide_ ? 32 : 16, group_slots = wide_ ? 4 : 2;
  for (int row = 0; row < w.rows; ++row) {
    int group = -1, used = 0;
    for (std::uint32_t entry = w.row_start[row]; entry < w.row_start[row + 1]; ++entry) {
      const int its_group = w.columns[entry] / group_columns;
      used = its_group == group ? used + 1 : 0;
      group = its_group;
      if (used < group_slots) {
        pack_entry(w, row, entry, wide_ ? used : group % 2 * 2 + used);
        totals_[row] += rounded(w.value(entry));
      } else {
        overflow_.columns.push_back(w.columns[entry]);
        if (exact) overflow_.codes.push_back(w.codes[entry]);
        if (!exact) overflow_.weights.push_back(rounded(w.value(entry)));
      }
    }
    overflow_.row_start.push_back(static_cast<std::uint32_t>(overflow_.columns.size()));
  }
}

CellsView Cells::view() const {
  return {tiles_, cells_, wide_, data_.get(), codebook_, rounded_, totals_.data()};
}

std::size_t Cells::bytes() const {
  return static_cast<std::size_t>(tiles_) * cells_ * kCellBytes * (wide_ ? 2 : 1) +
         totals_.size() * sizeof(std::int32_t) + sizeof codebook_ + sizeof rounded_;
}

}  // namespace featherweight::kernels
