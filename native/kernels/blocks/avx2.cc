#include "kernels/blocks/blocks.h"
#include "kernels/row_blocks/vector.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

using Four = RowBlocksTile<Avx2, 4, 4, 3>;  // 12 of 16 registers hold sums
using Eight = RowBlocksTile<Avx2, 8, 4, 3>;
const BlocksKernels kBlocksAvx2{
    {4, Four::kColumns, kMaxBand, Four::multiply, RowBlocksVector<Avx2, CodesAvx2, 4>::multiply},
    {8, Eight::kColumns, kMaxBand, Eight::multiply, RowBlocksVector<Avx2, CodesAvx2, 8>::multiply}};

}  // namespace featherweight::kernels
