#include "kernels/dense/gathered.h"
#include "kernels/dense/multiply.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

namespace {

// 12 of 16 registers hold sums.
using Loops = DenseLoops<Avx2, ColumnLanes<Avx2, 4, 3>, RowLanes<Avx2, 2, 3>, 3>;
using Gathered = GatheredColumns<Avx2, 4, 3>;

void multiply(const float* packed, const Product& p, Range rows, Range columns, void* scratch) {
  const auto run = scratch != nullptr && Gathered::pays(rows.size(), p.depth) ? Gathered::multiply : Loops::multiply;
  run(packed, p, rows, columns, scratch);
}

}  // namespace

const DenseKernels kDenseAvx2{Avx2::kLanes, multiply, Loops::multiply_vector, Gathered::scratch_bytes};

}  // namespace featherweight::kernels
