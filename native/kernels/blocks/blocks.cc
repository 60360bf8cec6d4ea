#include "kernels/blocks/blocks.h"

#include <stdexcept>
#include <string>

#include "kernels/dispatch.h"

namespace featherweight::kernels {

std::unique_ptr<Matrix> make_blocks(const SparseWeights& weights, int block_rows, Use use) {
  const BlocksKernels& kernels = active_kernels().blocks;
  if (block_rows == 4) return make_row_blocks("blocks4x1", weights, use, kernels.four);
  if (block_rows == 8) return make_row_blocks("blocks8x1", weights, use, kernels.eight);
  throw std::invalid_argument("blocks have 4 or 8 rows, but got " + std::to_string(block_rows));
}

}  // namespace featherweight::kernels
