#include "kernels/pool/lines.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

const PoolKernels kPoolAvx2{PoolLines<Avx2, Larger<Avx2>>::pool, PoolLines<Avx2, Sum<Avx2>>::pool};

}  // namespace featherweight::kernels
