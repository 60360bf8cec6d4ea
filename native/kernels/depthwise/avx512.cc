#include "kernels/depthwise/channel.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

const DepthwiseKernels kDepthwiseAvx512{DepthwiseChannel<Avx512>::channel};

}  // namespace featherweight::kernels
