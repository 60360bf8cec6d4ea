#include "kernels/planes/split.h"
#include "kernels/vec_avx512.h"

namespace featherweight::kernels {

const PlaneKernels kPlanesAvx512{PlaneCopy<Avx512>::split};

}  // namespace featherweight::kernels
