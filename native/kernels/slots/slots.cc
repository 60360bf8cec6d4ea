#include "kernels/slots/slots.h"

#include "kernels/two_of_sixteen/cells_matrix.h"

namespace featherweight::kernels {
namespace {

class SlotsMatrix final : public CellsMatrix {
 public:
  using CellsMatrix::CellsMatrix;

  const char* format() const override { return exact() ? "slots_exact" : "slots"; }
  std::size_t bytes() const override {
    const Overflow& rest = cells().overflow();
    return CellsMatrix::bytes() + rest.row_start.size() * sizeof(std::uint32_t) +
           rest.columns.size() * sizeof(std::uint16_t) + rest.weights.size() + rest.codes.size();
  }

 private:
  void add_rest(const std::int8_t* x, Range rows, std::int32_t* sums) const override {
    const Overflow& rest = cells().overflow();
    for (int row = rows.begin; row < rows.end; ++row) {
      const std::uint32_t first = rest.row_start[row], end = rest.row_start[row + 1];
      sums[row - rows.begin] += overflow_sum(rest.columns.data() + first, rest.weights.data() + first,
                                             static_cast<int>(end - first), x);
    }
  }
  void add_rest(const float* x, Range rows, float* sums) const override {
    const Overflow& rest = cells().overflow();
    for (int row = rows.begin; row < rows.end; ++row) {
      const std::uint32_t first = rest.row_start[row], end = rest.row_start[row + 1];
      sums[row - rows.begin] += overflow_sum(rest.columns.data() + first, rest.codes.data() + first,
                                             static_cast<int>(end - first), x, cells().view().codebook);
    }
  }
};

}  // namespace

std::unique_ptr<Matrix> make_slots(const SparseWeights& weights, bool exact) {
  return std::make_unique<SlotsMatrix>(weights, exact);
}

}  // namespace featherweight::kernels
