// exp, sigmoid, tanh, erf and GELU of one vector. Polynomials are weighted least-squares fits, re-weighted
// until the relative error is level (README.md says how large); NaN passes through all of them.
#pragma once

#include "kernels/elementwise/elementwise.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct VectorFunctions {
  using Float = typename V::Float;

  // Coefficients of falling powers.
  template <int kCount>
  static Float polynomial(Float x, const float (&c)[kCount]) {
    Float value = V::fill(c[0]);
#pragma GCC unroll 16
    for (int i = 1; i < kCount; ++i) value = V::fma(value, x, V::fill(c[i]));
    return value;
  }

  // 2^n * p(r), x = n log 2 + r, |r| <= log(2) / 2. Log 2 in two parts, so that n times the first is exact.
  static Float exp(Float x) {
    constexpr float kExp[] = {0.00138368341f, 0.00837482233f, 0.0416682251f, 0.166664198f, 0.499999911f, 1.0f, 1.0f};
    const Float inside = V::min(V::fill(89.0f), V::max(V::fill(-104.0f), x));
    const Float n = V::round(V::mul(inside, V::fill(1.44269504f)));
    const Float r = V::fma(n, V::fill(-1.42860677e-6f), V::fma(n, V::fill(-0.693145752f), inside));
    return V::scale2(polynomial(r, kExp), n);
  }

  static Float sigmoid(Float x) {
    return V::div(V::fill(1.0f), V::add(V::fill(1.0f), exp(V::sub(V::zero(), x))));
  }

  static Float tanh(Float x) {
    constexpr float kTanh[] = {-0.00513865938f, 0.0200919677f, -0.05355886f, 0.13329111f, -0.333331913f};
    const Float square = V::mul(x, x), size = V::abs(x);
    const Float small = V::fma(V::mul(x, square), polynomial(square, kTanh), x);
    const Float large = V::sub(V::fill(1.0f), V::div(V::fill(2.0f), V::add(V::fill(1.0f), exp(V::add(size, size)))));
    return V::where_less(size, V::fill(0.625f), small, with_sign(x, large));
  }

  // x p(x^2) for |x| < 1; else 1 - erfc, and log(erfc) is a polynomial.
  static Float erf(Float x) {
    constexpr float kErf[] = {7.85400262e-05f, -0.000801024027f, 0.0051883338f, -0.0268538147f,
                              0.112835854f, -0.37612626f, 1.12837911f};
    constexpr float kLogErfc[] = {-2.24193414e-07f, -1.85023164e-05f, 0.000421963166f, -0.00413861545f, 0.0250708237f,
                                  -0.108238943f, -0.633363783f, -1.12951386f, 0.000175577938f};
    const Float size = V::abs(x), far = V::min(V::fill(4.0f), size);
    const Float small = V::mul(x, polynomial(V::mul(x, x), kErf));
    const Float large = V::sub(V::fill(1.0f), exp(polynomial(far, kLogErfc)));
    return V::where_less(size, V::fill(1.0f), small, with_sign(x, large));
  }

  static Float half_of(Float x, Float gate) { return V::mul(V::mul(V::fill(0.5f), x), V::add(V::fill(1.0f), gate)); }
  static Float gelu(Float x) { return half_of(x, erf(V::mul(x, V::fill(0.70710678118f)))); }
  static Float gelu_tanh(Float x) {
    const Float cube = V::mul(V::mul(V::fill(0.044715f), x), V::mul(x, x));
    return half_of(x, tanh(V::mul(V::fill(0.7978845608f), V::add(x, cube))));
  }

 private:
  static Float with_sign(Float x, Float size) {
    return V::where_nan(x, x, V::where_less(x, V::zero(), V::sub(V::zero(), size), size));
  }
};

}  // namespace
}  // namespace featherweight::kernels
