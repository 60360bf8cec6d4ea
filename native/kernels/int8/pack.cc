#include "kernels/int8/pack.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"

namespace featherweight::kernels {

Quantization quantization_of(float low, float high, int top) {
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  Quantization q;
  q.top = top;
  q.scale = (high - low) / static_cast<float>(top);
  if (!(q.scale > 0.0f)) {  // all are 0, or the range is below what float32 can hold
    q.scale = 1.0f;
    return q;
  }
  q.zero_point = static_cast<std::int32_t>(std::nearbyint(std::min(-low / q.scale, static_cast<float>(top))));
  return q;
}

Quantization measure_quantization(const float* x, std::size_t count, int top) {
  float low = 0.0f, high = 0.0f;
  active_kernels().int8.range(x, count, &low, &high);
  return quantization_of(low, high, top);
}

void quantize_channels(const float* const channels[4], int count, const Quantization& quantization,
                       Int8x4* out) {
  active_kernels().int8.quantize_channels(channels, count, quantization, out);
}

}  // namespace featherweight::kernels
