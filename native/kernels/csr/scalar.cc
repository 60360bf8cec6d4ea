#include "kernels/csr/csr.h"
#include "kernels/row_blocks/scalar.h"

namespace featherweight::kernels {

const RowBlocksKernels kCsrScalar{1, 1, kMaxBand, multiply, multiply_vector};

}  // namespace featherweight::kernels
