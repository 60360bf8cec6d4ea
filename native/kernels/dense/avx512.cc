#include "kernels/dense/multiply.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

// 24 and 28 of 32 registers hold sums.
using Loops = DenseLoops<Avx512, ColumnLanes<Avx512, 8, 3>, RowLanes<Avx512, 2, 7>, 7>;
const DenseKernels kDenseAvx512{Avx512::kLanes, Loops::multiply, Loops::multiply_vector, nullptr};

}  // namespace featherweight::kernels
