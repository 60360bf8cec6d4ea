// The specification of the last step of a product (finish.h is the same for vectors).
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/product.h"

namespace featherweight::kernels {

inline float activated(float value, const Ending& e) {
  switch (e.activation) {
    case Activation::none: return value;
    case Activation::clip: return value < e.low ? e.low : value > e.high ? e.high : value;
    case Activation::hard_swish: return value * std::clamp(std::fma(value, 1.0f / 6.0f, 0.5f), 0.0f, 1.0f);
  }
  return value;
}

inline float ended(float value, const Ending& e) {
  value = activated(value, e);
  if (e.step == 0.0f) return value;
  const float steps = std::nearbyint(value / e.step);
  return (steps > e.most ? e.most : steps > e.least ? steps : e.least) * e.step;  // NaN becomes the least
}

// `at` is where the residual of this element lies, `column` where its column is stored. Multiplies and
// adds in one rounding, as finish.h does: equal sums give equal results on every instruction set.
inline float finished(float sum, const Epilogue& e, int row, std::ptrdiff_t at, int column = 0) {
  const float scale = e.scale ? e.scale[row] : 1.0f, bias = e.bias ? e.bias[row] : 0.0f;
  if (e.column_scale) sum *= e.column_scale[column];
  return ended(std::fma(sum, scale, bias) + (e.residual ? e.residual[at] : 0.0f), e.ending);
}

}  // namespace featherweight::kernels
