#include "kernels/planes/split.h"
#include "kernels/vec_avx2.h"

namespace featherweight::kernels {

const PlaneKernels kPlanesAvx2{PlaneCopy<Avx2>::split};

}  // namespace featherweight::kernels
