// The specification: pixels of a line after lines.
#include <limits>

#include "kernels/pool/pool.h"

namespace featherweight::kernels {
namespace {

float larger(float most, float value) { return value > most || value != value ? value : most; }
float sum_of(float a, float b) { return a + b; }

template <float (*combine)(float, float)>
void pool(const PlaneWindow& w, float neutral, const float* x, float* y) {
  for (int oy = 0; oy < w.out_height; ++oy) {
    for (int ox = 0; ox < w.out_width; ++ox) {
      float all = neutral;
      for (int kx = 0; kx < w.kernel_x; ++kx) {
        const int pixel = ox * w.stride_x + kx * w.dilation_x - w.pad_left;
        if (pixel < 0 || pixel >= w.in_width) continue;
        float column = neutral;
        for (int ky = 0; ky < w.kernel_y; ++ky) {
          const int line = oy * w.stride_y + ky * w.dilation_y - w.pad_top;
          if (line < 0 || line >= w.in_height) continue;
          column = combine(column, x[static_cast<std::ptrdiff_t>(line) * w.in_width + pixel]);
        }
        all = combine(all, column);
      }
      *y++ = all;
    }
  }
}

void max(const PlaneWindow& w, const float* x, float* y, float*) {
  pool<larger>(w, -std::numeric_limits<float>::infinity(), x, y);
}
void sum(const PlaneWindow& w, const float* x, float* y, float*) { pool<sum_of>(w, 0.0f, x, y); }

}  // namespace

const PoolKernels kPoolScalar{max, sum};

}  // namespace featherweight::kernels
