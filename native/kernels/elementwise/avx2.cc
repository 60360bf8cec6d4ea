#include "kernels/elementwise/loops.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

using Loops = ElementwiseLoops<Avx2>;
const ElementwiseKernels kElementwiseAvx2{Loops::apply, Loops::combine, Loops::softmax,
                                            Loops::layer_norm, Loops::sum, Loops::response_norm};

}  // namespace featherweight::kernels
