// The specification: sums over the lines of the filter, in each over its columns, in float32.
#include "kernels/depthwise/depthwise.h"
#include "kernels/finish_scalar.h"

namespace featherweight::kernels {
namespace {

void channel(const PlaneWindow& l, const float* weights, const float* x, int row, float* y,
             const Epilogue& epilogue) {
  for (int oy = 0; oy < l.out_height; ++oy) {
    for (int ox = 0; ox < l.out_width; ++ox) {
      float sum = 0.0f;
      for (int ky = 0; ky < l.kernel_y; ++ky) {
        const int line = oy * l.stride_y + ky * l.dilation_y - l.pad_top;
        if (line < 0 || line >= l.in_height) continue;
        for (int kx = 0; kx < l.kernel_x; ++kx) {
          const int pixel = ox * l.stride_x + kx * l.dilation_x - l.pad_left;
          if (pixel < 0 || pixel >= l.in_width) continue;
          sum += weights[ky * l.kernel_x + kx] * x[static_cast<std::ptrdiff_t>(line) * l.in_width + pixel];
        }
      }
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(oy) * l.out_width + ox;
      y[at] = finished(sum, epilogue, row, at);
    }
  }
}

}  // namespace

const DepthwiseKernels kDepthwiseScalar{channel};

}  // namespace featherweight::kernels
