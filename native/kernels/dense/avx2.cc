#include "kernels/dense/tile.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

using Tile = DenseTile<Avx2, 6, 2>;  // 12 of 16 registers hold sums
const DenseKernels kDenseAvx2{6, Tile::kColumns, Tile::multiply, Tile::multiply_vector};

}  // namespace featherweight::kernels
