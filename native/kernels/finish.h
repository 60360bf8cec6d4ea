// The last step of a product's tile, for every vector width: scale, bias, residual, activation, and
// dropping the columns that are not wanted. Included by files of one instruction set only.
#pragma once

#include <limits>

#include "kernels/product.h"

namespace featherweight::kernels {
namespace {

template <class V>
typename V::Float activated(typename V::Float value, const Ending& e) {
  if (e.activation == Activation::clip) {
    // In this order NaN passes through, as in torch.
    return V::min(V::fill(e.high), V::max(V::fill(e.low), value));
  }
  if (e.activation == Activation::hard_swish) {
    const auto gate = V::fma(value, V::fill(1.0f / 6.0f), V::fill(0.5f));
    return V::mul(value, V::min(V::fill(1.0f), V::max(V::fill(0.0f), gate)));
  }
  return value;
}

// Activation and rounding of one vector.
template <class V>
typename V::Float ended(typename V::Float value, const Ending& e) {
  value = activated<V>(value, e);
  if (e.step == 0.0f) return value;
  const auto steps = V::round(V::div(value, V::fill(e.step)));
  // In this order NaN becomes the least, as where bytes are stored.
  return V::mul(V::min(V::max(steps, V::fill(e.least)), V::fill(e.most)), V::fill(e.step));
}

template <class V>
typename V::Float finished(typename V::Float sum, const Epilogue& e, typename V::Float scale,
                           typename V::Float bias, typename V::Float residual) {
  return ended<V>(V::add(V::fma(sum, scale, bias), residual), e.ending);
}

// The last step of many vectors, without a branch where nothing happens to them but to be clipped.
template <class V>
struct Finish {
  const Epilogue& e;
  typename V::Float low, high;
  bool is_clipped;

  explicit Finish(const Epilogue& epilogue) : e(epilogue) {
    const Ending& end = e.ending;
    const bool is_clip = end.activation == Activation::clip;
    const float most = std::numeric_limits<float>::infinity();
    low = V::fill(is_clip ? end.low : -most);
    high = V::fill(is_clip ? end.high : most);
    is_clipped = end.step == 0.0f && end.activation != Activation::hard_swish;
  }
  [[gnu::always_inline]] typename V::Float operator()(typename V::Float sum, typename V::Float scale,
                                                      typename V::Float bias, typename V::Float residual) const {
    // In this order NaN passes through, as in torch.
    return is_clipped ? V::min(high, V::max(low, V::add(V::fma(sum, scale, bias), residual)))
                      : otherwise(sum, scale, bias, residual);
  }

 private:
  [[gnu::noinline]] typename V::Float otherwise(typename V::Float sum, typename V::Float scale, typename V::Float bias,
                                                typename V::Float residual) const {
    return finished<V>(sum, e, scale, bias, residual);
  }
};

// Sums of columns `begin` ... `begin + count - 1` of `rows` rows, side by side in `sums`, a row's `pitch` after the
// one before. Where wanted columns lie is found once for all rows.
template <class V>
void store_rows_of(const float* sums, int pitch, int begin, int count, int row, int rows, const Product& p) {
  const Epilogue e = p.epilogue;  // copies: what a store might alias would be read again after it
  const Finish<V> finish(e);
  float* const out = p.y;
  const std::ptrdiff_t stride = p.y_stride;
  for (int done = 0; done < count;) {
    const int column = begin + done, in_group = column % p.columns.pitch;
    const int left = count - done;
    const bool is_wanted = in_group < p.columns.width;
    const int group = (is_wanted ? p.columns.width : p.columns.pitch) - in_group;
    const int run = p.columns.dense() ? left : (group < left ? group : left);
    if (is_wanted || p.columns.dense()) {
      const int to = p.columns.dense() ? column : p.columns.stored(column);
      for (int r = row; r < row + rows; ++r) {
        const auto scale = V::fill(e.scale ? e.scale[r] : 1.0f);
        const auto bias = V::fill(e.bias ? e.bias[r] : 0.0f);
        float* const y = out + r * stride + to;
        const float* const residual = e.residual ? e.residual + r * stride + to : nullptr;
        const float* const from = sums + (r - row) * pitch + done;
        int i = 0;
        for (; i + V::kLanes <= run; i += V::kLanes) {
          const auto rest = residual ? V::load(residual + i) : V::zero();
          auto sum = V::load(from + i);
          if (e.column_scale) sum = V::mul(sum, V::load(e.column_scale + to + i));
          V::store(y + i, finish(sum, scale, bias, rest));
        }
        if (i < run) {
          const auto mask = V::first(run - i);
          const auto rest = residual ? V::load(residual + i, mask) : V::zero();
          auto sum = V::load(from + i, mask);
          if (e.column_scale) sum = V::mul(sum, V::load(e.column_scale + to + i, mask));
          V::store_first(y + i, run - i, finish(sum, scale, bias, rest));
        }
      }
    }
    done += run;
  }
}

// The same of one row.
template <class V>
void store_row(const float* sums, int begin, int count, int row, const Product& p) {
  store_rows_of<V>(sums, 0, begin, count, row, 1, p);
}

// The only column's sums of rows `begin` ... `begin + count - 1`, side by side in `sums`.
template <class V>
void store_rows(const float* sums, int begin, int count, float* y, const Epilogue& e) {
  const auto column_scale = V::fill(e.column_scale ? *e.column_scale : 1.0f);
  for (int i = 0; i < count; i += V::kLanes) {
    const int there = count - i < V::kLanes ? count - i : V::kLanes;
    const auto mask = V::first(there);
    const auto each = [&](const float* p, float otherwise) {
      return p ? V::load(p + begin + i, mask) : V::fill(otherwise);
    };
    const auto sum = V::mul(V::load(sums + i, mask), column_scale);
    V::store_first(y + begin + i, there,
                   finished<V>(sum, e, each(e.scale, 1.0f), each(e.bias, 0.0f), each(e.residual, 0.0f)));
  }
}

}  // namespace
}  // namespace featherweight::kernels
