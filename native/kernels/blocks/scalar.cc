#include "kernels/blocks/blocks.h"
#include "kernels/row_blocks/scalar.h"

namespace featherweight::kernels {

const BlocksKernels kBlocksScalar{{4, 1, kMaxBand, multiply, multiply_vector},
                                  {8, 1, kMaxBand, multiply, multiply_vector}};

}  // namespace featherweight::kernels
