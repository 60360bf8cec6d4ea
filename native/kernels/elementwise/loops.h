// The loops over contiguous floats, for every vector width.
#pragma once

#include "kernels/elementwise/functions.h"
#include "kernels/finish.h"

namespace featherweight::kernels {
namespace {

template <class V>
struct ElementwiseLoops {
  using Float = typename V::Float;
  using F = VectorFunctions<V>;

  // f(index, load) -> vector, for every vector of `count` elements; `load` reads a whole or a partial one.
  template <class Body>
  static void each(float* y, std::ptrdiff_t count, Body body) {
    std::ptrdiff_t i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) {
      V::store(y + i, body(i, [](const float* p) { return V::load(p); }));
    }
    if (i == count) return;
    const auto mask = V::first(static_cast<int>(count - i));
    V::store_first(y + i, static_cast<int>(count - i), body(i, [mask](const float* p) { return V::load(p, mask); }));
  }

  static void apply(Function f, float a, float b, const float* x, float* y, std::ptrdiff_t count) {
    const Float va = V::fill(a), vb = V::fill(b), one = V::fill(1.0f);
    const auto map = [&](auto function) {
      each(y, count, [&](std::ptrdiff_t i, auto load) { return function(load(x + i)); });
    };
    const auto between = [](Float low, Float high, Float v) { return V::min(high, V::max(low, v)); };
    switch (f) {
      case Function::clip: return map([&](Float v) { return between(va, vb, v); });
      case Function::hard_swish:
        return map([&](Float v) {
          return V::mul(v, between(V::zero(), one, V::fma(v, V::fill(1.0f / 6.0f), V::fill(0.5f))));
        });
      case Function::hard_sigmoid: return map([&](Float v) { return between(V::zero(), one, V::fma(va, v, vb)); });
      case Function::leaky_relu:
        return map([&](Float v) { return V::where_less(v, V::zero(), V::mul(va, v), v); });
      case Function::exp: return map([](Float v) { return F::exp(v); });
      case Function::sigmoid: return map([](Float v) { return F::sigmoid(v); });
      case Function::tanh: return map([](Float v) { return F::tanh(v); });
      case Function::erf: return map([](Float v) { return F::erf(v); });
      case Function::gelu: return map([](Float v) { return F::gelu(v); });
      case Function::gelu_tanh: return map([](Float v) { return F::gelu_tanh(v); });
    }
  }

  template <class Body>
  static void pairs(const float* a, int step_a, const float* b, int step_b, float* y, std::ptrdiff_t count,
                    const Ending& e, Body body) {
    const Float all_a = V::fill(a[0]), all_b = V::fill(b[0]);
    each(y, count, [&](std::ptrdiff_t i, auto load) {
      return ended<V>(body(step_a ? load(a + i) : all_a, step_b ? load(b + i) : all_b), e);
    });
  }

  static void combine(Operation operation, const float* a, int step_a, const float* b, int step_b, float* y,
                      std::ptrdiff_t count, const Ending& e) {
    if (count == 0) return;
    switch (operation) {
      case Operation::add: return pairs(a, step_a, b, step_b, y, count, e, V::add);
      case Operation::subtract: return pairs(a, step_a, b, step_b, y, count, e, V::sub);
      case Operation::multiply: return pairs(a, step_a, b, step_b, y, count, e, V::mul);
      case Operation::divide: return pairs(a, step_a, b, step_b, y, count, e, V::div);
    }
  }

  static double lanes(Float v) {
    float each[V::kLanes];
    V::store(each, v);
    double sum = 0.0;
    for (int i = 0; i < V::kLanes; ++i) sum += each[i];
    return sum;
  }

  // Sum of f(x[i]): vectors in blocks of 64, the blocks in float64, so that the error stays that of 64 terms.
  template <class Term>
  static double total(const float* x, std::ptrdiff_t count, Term term) {
    constexpr std::ptrdiff_t kBlock = 64 * V::kLanes;
    double sum = 0.0;
    for (std::ptrdiff_t begin = 0; begin < count; begin += kBlock) {
      const std::ptrdiff_t end = begin + kBlock < count ? begin + kBlock : count;
      Float even = V::zero(), odd = V::zero();
      std::ptrdiff_t i = begin;
      for (; i + 2 * V::kLanes <= end; i += 2 * V::kLanes) {
        even = V::add(even, term(V::load(x + i)));
        odd = V::add(odd, term(V::load(x + i + V::kLanes)));
      }
      sum += lanes(V::add(even, odd));
      float rest[V::kLanes];
      for (; i < end; i += V::kLanes) {
        const int left = end - i < V::kLanes ? static_cast<int>(end - i) : V::kLanes;
        V::store(rest, term(V::load(x + i, V::first(left))));
        for (int lane = 0; lane < left; ++lane) sum += rest[lane];
      }
    }
    return sum;
  }

  static float sum(const float* x, std::ptrdiff_t count) {
    return static_cast<float>(total(x, count, [](Float v) { return v; }));
  }

  static void softmax(const float* x, float* y, std::ptrdiff_t count) {
    float most = x[0];
    std::ptrdiff_t i = 0;
    if (count >= V::kLanes) {
      Float all = V::load(x);
      for (i = V::kLanes; i + V::kLanes <= count; i += V::kLanes) all = V::max(all, V::load(x + i));
      float each_lane[V::kLanes];
      V::store(each_lane, all);
      for (const float lane : each_lane) most = most < lane ? lane : most;
    }
    for (; i < count; ++i) most = most < x[i] ? x[i] : most;
    const Float shift = V::fill(most);
    each(y, count, [&](std::ptrdiff_t at, auto load) { return F::exp(V::sub(load(x + at), shift)); });
    const Float factor = V::fill(static_cast<float>(1.0 / total(y, count, [](Float v) { return v; })));
    each(y, count, [&](std::ptrdiff_t at, auto load) { return V::mul(load(y + at), factor); });
  }

  static void layer_norm(const float* x, const float* scale, const float* bias, float epsilon, float* y,
                         std::ptrdiff_t count) {
    const double number = static_cast<double>(count);
    const Float mean = V::fill(static_cast<float>(total(x, count, [](Float v) { return v; }) / number));
    const double squares = total(x, count, [mean](Float v) { return V::mul(V::sub(v, mean), V::sub(v, mean)); });
    const Float inverse = V::fill(static_cast<float>(1.0 / __builtin_sqrt(squares / number + epsilon)));
    each(y, count, [&](std::ptrdiff_t i, auto load) {
      return V::fma(V::mul(V::sub(load(x + i), mean), inverse), load(scale + i), load(bias + i));
    });
  }

  static void response_norm(const float* x, std::ptrdiff_t stride, int first, int last, float bias, float alpha,
                            float* y, std::ptrdiff_t count) {
    each(y, count, [&](std::ptrdiff_t i, auto load) {
      Float sum = V::zero();
      for (int c = first; c <= last; ++c) {
        const Float other = load(x + c * stride + i);
        sum = V::fma(other, other, sum);
      }
      const Float root = V::sqrt(V::fma(sum, V::fill(alpha), V::fill(bias)));
      return V::div(load(x + i), V::mul(root, V::sqrt(root)));
    });
  }
};

}  // namespace
}  // namespace featherweight::kernels
