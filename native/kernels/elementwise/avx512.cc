#include "kernels/elementwise/loops.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

using Loops = ElementwiseLoops<Avx512>;
const ElementwiseKernels kElementwiseAvx512{Loops::apply, Loops::combine, Loops::softmax,
                                            Loops::layer_norm, Loops::sum, Loops::response_norm};

}  // namespace featherweight::kernels
