#include "kernels/csr/csr.h"
#include "kernels/row_blocks/codes_avx512.h"
#include "kernels/row_blocks/vector.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

using Tile = RowBlocksTile<Avx512, 1, 1, 8>;
const RowBlocksKernels kCsrAvx512{1, Tile::kColumns, 128, Tile::multiply,
                                  RowBlocksVector<Avx512, CodesAvx512, 1>::multiply};

}  // namespace featherweight::kernels
