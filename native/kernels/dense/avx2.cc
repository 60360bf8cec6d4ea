#include "kernels/dense/gathered.h"
#include "kernels/dense/multiply.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

namespace {

// 12 of 16 registers hold sums.
using Loops = DenseLoops<Avx2, ColumnLanes<Avx2, 4, 3>, RowLanes<Avx2, 2, 3, 12>, 3>;
using Gathered = GatheredColumns<Avx2, 4, 3, 128, 24 << 10>;

// Of few columns too many would be padding of a gathered tile.
constexpr int kFew = 64;

void multiply(const float* packed, const Product& p, Range rows, Range columns, void* scratch) {
  const bool is_gathered = scratch != nullptr && Gathered::pays(rows.size(), p.depth) &&
                           stored_columns(p.columns, columns).size() > kFew;
  (is_gathered ? Gathered::multiply : Loops::multiply)(packed, p, rows, columns, scratch);
}

std::size_t scratch_bytes(int rows, int depth) {
  const std::size_t of_gathered = Gathered::scratch_bytes(rows, depth), of_loops = Loops::scratch_bytes(depth);
  return of_gathered > of_loops ? of_gathered : of_loops;
}

}  // namespace

const DenseKernels kDenseAvx2{Avx2::kLanes, multiply, Loops::multiply_vector, scratch_bytes};

}  // namespace featherweight::kernels
