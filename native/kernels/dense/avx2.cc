#include "kernels/dense/multiply.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

// 12 of 16 registers hold sums.
using Loops = DenseLoops<Avx2, ColumnLanes<Avx2, 4, 3>, RowLanes<Avx2, 2, 3>, 3>;
const DenseKernels kDenseAvx2{Avx2::kLanes, Loops::multiply, Loops::multiply_vector};

}  // namespace featherweight::kernels
