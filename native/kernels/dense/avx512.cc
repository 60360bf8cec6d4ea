#include "kernels/dense/gathered.h"
#include "kernels/dense/multiply.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

namespace {

// 24 and 28 of 32 registers hold sums.
using Loops = DenseLoops<Avx512, ColumnLanes<Avx512, 8, 3>, RowLanes<Avx512, 4, 7, 28>, 7>;
constexpr int kShort = 256, kManyRows = 48;
using Gathered = GatheredColumns<Avx512, 8, 3, kShort, 128 << 10>;

// Where depth is short and planes are wide, what counts is in how long runs they are read and written. To gather a
// column takes as long as some rows of W.
void multiply(const float* packed, const Product& p, Range rows, Range columns, void* scratch) {
  const bool is_gathered = scratch != nullptr && p.depth <= kShort && rows.size() >= kManyRows &&
                           stored_columns(p.columns, columns).size() >= 2 * p.depth;
  (is_gathered ? Gathered::multiply_short : Loops::multiply)(packed, p, rows, columns, scratch);
}

std::size_t scratch_bytes(int rows, int depth) {
  const std::size_t of_gathered = depth <= kShort && rows >= kManyRows ? Gathered::scratch_bytes(rows, depth) : 0;
  const std::size_t of_loops = Loops::scratch_bytes(depth);
  return of_gathered > of_loops ? of_gathered : of_loops;
}

}  // namespace

const DenseKernels kDenseAvx512{Avx512::kLanes, multiply, Loops::multiply_vector, scratch_bytes};

}  // namespace featherweight::kernels
