#include "kernels/blocks/blocks.h"
#include "kernels/row_blocks/codes_avx512.h"
#include "kernels/row_blocks/vector.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

using Four = RowBlocksTile<Avx512, 4, 4, 4>;  // 16 of 32 registers hold sums
using Eight = RowBlocksTile<Avx512, 8, 8, 2>;
const BlocksKernels kBlocksAvx512{
    {4, Four::kColumns, kMaxBand, Four::multiply, RowBlocksVector<Avx512, CodesAvx512, 4>::multiply},
    {8, Eight::kColumns, kMaxBand, Eight::multiply, RowBlocksVector<Avx512, CodesAvx512, 8>::multiply}};

}  // namespace featherweight::kernels
