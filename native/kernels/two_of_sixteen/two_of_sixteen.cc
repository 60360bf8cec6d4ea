#include "kernels/two_of_sixteen/two_of_sixteen.h"

#include <stdexcept>
#include <string>

#include "kernels/two_of_sixteen/cells_matrix.h"

namespace featherweight::kernels {
namespace {

void check(const SparseWeights& w) {
  for (int row = 0; row < w.rows; ++row) {
    for (std::uint32_t entry = w.row_start[row] + 2; entry < w.row_start[row + 1]; ++entry) {
      if (w.columns[entry] / 16 == w.columns[entry - 2] / 16) {
        throw std::invalid_argument("2:16 weights keep at most 2 of 16 columns, but row " +
                                    std::to_string(row) + " keeps more from column " +
                                    std::to_string(w.columns[entry] / 16 * 16));
      }
    }
  }
}

class TwoOfSixteenMatrix final : public CellsMatrix {
 public:
  using CellsMatrix::CellsMatrix;
  const char* format() const override { return exact() ? "two_of_sixteen_exact" : "two_of_sixteen"; }
};

}  // namespace

std::unique_ptr<Matrix> make_two_of_sixteen(const SparseWeights& weights, bool exact) {
  check(weights);
  return std::make_unique<TwoOfSixteenMatrix>(weights, exact);
}

}  // namespace featherweight::kernels
