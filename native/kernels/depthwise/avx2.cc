#include "kernels/depthwise/channel.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

const DepthwiseKernels kDepthwiseAvx2{DepthwiseChannel<Avx2>::channel};

}  // namespace featherweight::kernels
