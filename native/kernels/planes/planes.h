// One channel's plane, padded and split into the phases of a stride.
//
// Phase (py, px) of a padded plane is every stride_y-th line from py on and of those every stride_x-th
// pixel from px on. A strided convolution reads contiguous pixels of its phases.
#pragma once

#include <cstdint>

namespace featherweight::kernels {

struct PlaneSplit {
  std::int64_t in_height, in_width;
  std::int64_t pad_top, pad_left;
  std::int64_t stride_y, stride_x;
  std::int64_t phase_height, pitch;  // lines of a phase and pixels of a line, padding included
  const int* phase_of;               // [stride_y][stride_x]: where the phase is written, -1: it is not
  float padding = 0.0f;              // the four bytes of a pixel around the plane
};

// One instruction set's functions. `planes`: [phases][phase_height][pitch].
struct PlaneKernels {
  void (*split)(const PlaneSplit& split, const float* channel, float* planes);
};

extern const PlaneKernels kPlanesScalar, kPlanesAvx2, kPlanesAvx512;

}  // namespace featherweight::kernels
