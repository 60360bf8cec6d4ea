#include "kernels/pool/lines.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

const PoolKernels kPoolAvx512{PoolLines<Avx512, Larger<Avx512>>::pool, PoolLines<Avx512, Sum<Avx512>>::pool};

}  // namespace featherweight::kernels
