// Unstructured sparse weights.
#pragma once

#include "kernels/row_blocks/row_blocks.h"

namespace featherweight::kernels {

extern const RowBlocksKernels kCsrScalar, kCsrAvx2, kCsrAvx512;

// `weights`: copied.
std::unique_ptr<Matrix> make_csr(const SparseWeights& weights, Use use);

}  // namespace featherweight::kernels
