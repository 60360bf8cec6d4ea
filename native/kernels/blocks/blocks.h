// Weights pruned in blocks: 4 or 8 consecutive output rows keep or drop a column together.
#pragma once

#include "kernels/row_blocks/row_blocks.h"

namespace featherweight::kernels {

struct BlocksKernels {
  RowBlocksKernels four, eight;
};

extern const BlocksKernels kBlocksScalar, kBlocksAvx2, kBlocksAvx512;

// `weights`: copied; a block is kept if any of its weights is. `block_rows`: 4 or 8, otherwise throws
// std::invalid_argument.
std::unique_ptr<Matrix> make_blocks(const SparseWeights& weights, int block_rows, Use use);

}  // namespace featherweight::kernels
