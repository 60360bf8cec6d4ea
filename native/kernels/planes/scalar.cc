// The specification.
#include "kernels/planes/planes.h"

namespace featherweight::kernels {
namespace {

void split(const PlaneSplit& s, const float* channel, float* planes) {
  for (std::int64_t py = 0; py < s.stride_y; ++py) {
    for (std::int64_t px = 0; px < s.stride_x; ++px) {
      const int phase = s.phase_of[py * s.stride_x + px];
      if (phase < 0) continue;
      float* const out = planes + phase * s.phase_height * s.pitch;
      for (std::int64_t line = 0; line < s.phase_height; ++line) {
        for (std::int64_t pixel = 0; pixel < s.pitch; ++pixel) {
          const std::int64_t y = line * s.stride_y + py - s.pad_top, x = pixel * s.stride_x + px - s.pad_left;
          const bool is_inside = y >= 0 && y < s.in_height && x >= 0 && x < s.in_width;
          out[line * s.pitch + pixel] = is_inside ? channel[y * s.in_width + x] : s.padding;
        }
      }
    }
  }
}

}  // namespace

const PlaneKernels kPlanesScalar{split};

}  // namespace featherweight::kernels
