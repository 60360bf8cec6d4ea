// The specification: sums in the order of the chains, in float32.
#include "kernels/depthwise/depthwise.h"
#include "kernels/finish_scalar.h"

namespace featherweight::kernels {
namespace {

void channel(const float* weights, const TapChain* chains, int count, const float* x,
             const Columns& columns, int row, float* y, const Epilogue& epilogue) {
  for (int column = 0; column < columns.count; ++column) {
    if (!columns.wanted(column)) continue;
    float sum = 0.0f;
    for (const TapChain* c = chains; c < chains + count; ++c) {
      for (int j = 0; j < c->length; ++j) {
        sum += weights[c->first + j * c->step] * x[c->offset + j * columns.pitch + column];
      }
    }
    const int at = columns.stored(column);
    y[at] = finished(sum, epilogue, row, at);
  }
}

}  // namespace

const DepthwiseKernels kDepthwiseScalar{channel};

}  // namespace featherweight::kernels
