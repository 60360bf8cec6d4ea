#include "kernels/csr/csr.h"

#include "kernels/dispatch.h"

namespace featherweight::kernels {

std::unique_ptr<Matrix> make_csr(const SparseWeights& weights, Use use) {
  return make_row_blocks("csr", weights, use, active_kernels().csr);
}

}  // namespace featherweight::kernels
