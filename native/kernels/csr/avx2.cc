#include "kernels/csr/csr.h"
#include "kernels/row_blocks/vector.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

using Tile = RowBlocksTile<Avx2, 1, 1, 6>;
const RowBlocksKernels kCsrAvx2{1, Tile::kColumns, 128, Tile::multiply,
                                RowBlocksVector<Avx2, CodesAvx2, 1>::multiply};

}  // namespace featherweight::kernels
