#include "kernels/dense/tile.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

using Tile = DenseTile<Avx512, 12, 2>;  // 24 of 32 registers hold sums
const DenseKernels kDenseAvx512{12, Tile::kColumns, Tile::multiply, Tile::multiply_vector};

}  // namespace featherweight::kernels
