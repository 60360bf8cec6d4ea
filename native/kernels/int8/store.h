// The last step of a tile of int32 sums: to float32, epilogue, and floats or bytes to memory.
// Included by files of one instruction set only.
#pragma once

#include "kernels/finish.h"
#include "kernels/int8/quantize.h"

namespace featherweight::kernels {
namespace {

// Columns side by side in a tile, and where they are stored.
struct Run {
  int from, count, to, to_element;
};

// do_run(Run) for the wanted ones of columns `begin` ... `end - 1`.
template <class Do>
void each_run(int begin, int end, const Columns& columns, const QuantizedOutput* output, Do&& do_run) {
  const int row_pitch = output ? output->row_pitch : columns.pitch;
  if (columns.dense() && row_pitch == columns.pitch) return do_run(Run{0, end - begin, begin, begin});
  int group = begin / columns.pitch, in_group = begin % columns.pitch;
  for (int column = begin; column < end; column += columns.pitch - in_group, in_group = 0, ++group) {
    const int wanted = columns.width - in_group, left = end - column;
    if (wanted <= 0) continue;
    do_run(Run{column - begin, wanted < left ? wanted : left, group * columns.width + in_group,
               group * row_pitch + in_group});
  }
}

// Those of a tile.
struct Runs {
  static constexpr int kMost = 48;  // columns
  Run runs[kMost];
  int found = 0, count;

  Runs(int column, int columns_there, const Product& p, const QuantizedOutput* output) : count(columns_there) {
    each_run(column, column + count, p.columns, output, [this](const Run& run) { runs[found++] = run; });
  }
  const Run* begin() const { return runs; }
  const Run* end() const { return runs + found; }
  bool is_one_piece() const { return found == 1 && runs[0].count == count; }
};

// Sums of four rows to bytes and nothing else: no residual, and no activation but clip. To round keeps the order of
// numbers, so that the bytes are clipped instead.
//
// In one step, q = floor(sum * slope + offset), where the offset holds the zero point and a half: in 16.16 fixed
// point. The specification rounds in between, so that its q may be another where this one is within kDoubt of the
// next: there, and where constants are too large for that to be true, it is computed as specified. What the two may
// be apart, in 2^-24 of a step, for results of -1 ... 257 steps and a bias of at most 512: slope and the specified
// product 769 each, offset 768, the sum, here y and y / scale 257 each: 3,077, which is 12.1 of 2^-16; and half of
// one where it becomes an integer.
template <class V>
class ByteRows {
 public:
  using Int = typename V::Int;

  void set(const Int8Weights& weights, const Product& p, int row, const Quantization& q) {
    const Epilogue& e = p.epilogue;
    const bool is_clip = e.ending.activation == Activation::clip;
    const std::uint32_t least = is_clip ? quantized(e.ending.low, q) : 0u;
    const std::uint32_t most = is_clip ? quantized(e.ending.high, q) : static_cast<std::uint32_t>(q.top);
    const double steps = 1.0 / q.scale;
    lowest_ = V::fill_int(static_cast<std::int32_t>(least * 0x01010101u));
    highest_ = V::fill((static_cast<float>(most) + 0.75f) * 65536.0f);
    is_bounded_ = q.scale > 1e-30f && q.scale < 1e30f;
    for (int r = 0; r < 4; ++r) {
      const float factor = weights.scale[row + r] * p.x.scale;
      const double scale = e.scale ? e.scale[row + r] : 1.0, bias = e.bias ? e.bias[row + r] : 0.0;
      const auto slope = static_cast<float>(factor * scale * steps * 65536.0);
      is_bounded_ = is_bounded_ && std::abs(bias * steps) <= 512.0 && std::abs(slope) < 1e30f &&
                    (factor == 0.0f || (factor > 1e-30f && factor < 1e20f));
      slope_[r] = V::fill(slope);
      offset_[r] = V::fill(static_cast<float>((bias * steps + q.zero_point + 0.5) * 65536.0 + kDoubt));
    }
  }

  // Byte r of an element of the result is of row r. `as_specified()` computes them step by step.
  template <class AsSpecified>
  [[gnu::always_inline]] Int elements(const Int (&sums)[4], const AsSpecified& as_specified) const {
    Int q[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      q[r] = V::rounded(V::min(highest_, V::fma(V::from_int(sums[r]), slope_[r], offset_[r])));
    }
    const Int least = V::min_words(V::min_words(q[0], q[1]), V::min_words(q[2], q[3]));
    if (__builtin_expect(!is_bounded_ || V::any_without(least, 65536 - 2 * kDoubt), 0)) return as_specified();
    return V::max_bytes(lowest_, V::joined_rows(V::upper_words(q[0], q[1]), V::upper_words(q[2], q[3])));
  }

 private:
  static constexpr std::int32_t kDoubt = 16;  // of 2^16

  typename V::Float slope_[4], offset_[4], highest_;
  Int lowest_;
  bool is_bounded_;
};

// The end of a product's four rows, from `row` on.
template <class V>
class FourRows {
 public:
  using Int = typename V::Int;
  using Float = typename V::Float;

  FourRows(const Int8Weights& weights, const Product& p, const QuantizedOutput* output, int row, int rows_end)
      : weights_(weights), p_(p), output_(output), row_(row), there_(rows_end - row < 4 ? rows_end - row : 4),
        is_elements_(there_ == 4 && stores_bytes_only(p, output)) {
    if (is_elements_) bytes_.set(weights, p, row, output->quantization);
  }

  // Elements are stored and nothing else, all rows are there.
  bool is_elements() const { return is_elements_; }
  Int8x4* elements() const { return output_->data + row_ / 4 * output_->stride; }
  // They lie as the columns of the product do.
  bool are_elements_dense() const {
    return is_elements_ && p_.columns.dense() && output_->row_pitch == p_.columns.pitch;
  }
  [[gnu::always_inline]] Int bytes(const Int (&sums)[4]) const {
    return bytes_.elements(sums, [&] { return bytes_as_specified(sums); });
  }

  // Columns of a tile, whose rows lie `stride` apart in `sums`. It may be read a vector past the last column.
  void store(const std::int32_t* sums, int stride, const Runs& runs) const {
    if (!is_elements_) {
      for (const Run& run : runs) store(sums + run.from, stride, run);
      return;
    }
    Int8x4 tile[Runs::kMost];
    Int8x4* const to = runs.is_one_piece() ? elements() + runs.begin()->to_element : tile;
    for (int i = 0; i < runs.count; i += V::kLanes) {
      Int four[4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) four[r] = V::load_int(sums + r * stride + i);
      V::store_some(to + i, bytes(four), runs.count - i);
    }
    if (runs.is_one_piece()) return;
    for (const Run& run : runs) {
      for (int i = 0; i < run.count; i += V::kLanes) {
        const int left = run.count - i;
        const auto some = V::load_int(tile + run.from + i, V::first(left < V::kLanes ? left : V::kLanes));
        V::store_some(elements() + run.to_element + i, some, left);
      }
    }
  }

  // A run, which begins at `sums`: floats, or elements, or both.
  [[gnu::noinline]] void store(const std::int32_t* sums, int stride, const Run& run) const {
    const Scaled scaled(*this);
    const Quantizer<V> quantizer(output_ ? output_->quantization : Quantization());
    for (int i = 0; i < run.count; i += V::kLanes) {
      const int left = run.count - i;
      Float value[4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
        value[r] = V::zero();
        if (r >= there_) continue;
        const std::ptrdiff_t at = (row_ + r) * p_.y_stride + run.to + i;
        value[r] = scaled(V::load_int(sums + r * stride + i), r);
        if (p_.epilogue.residual) value[r] = V::add(value[r], load_some<V>(p_.epilogue.residual + at, left));
        value[r] = ended<V>(value[r], p_.epilogue.ending);
        if (p_.y) V::store_first(p_.y + at, left < V::kLanes ? left : V::kLanes, value[r]);
      }
      if (output_) V::store_some(elements() + run.to_element + i, quantizer.elements(value), left);
    }
  }

 private:
  // A row's sums, times its scales, with its bias.
  struct Scaled {
    Float factor[4], scale[4], bias[4];

    explicit Scaled(const FourRows& rows) {
      const Epilogue& e = rows.p_.epilogue;
      for (int r = 0; r < rows.there_; ++r) {
        factor[r] = V::fill(rows.weights_.scale[rows.row_ + r] * rows.p_.x.scale);
        scale[r] = V::fill(e.scale ? e.scale[rows.row_ + r] : 1.0f);
        bias[r] = V::fill(e.bias ? e.bias[rows.row_ + r] : 0.0f);
      }
    }
    Float operator()(Int sum, int r) const { return V::fma(V::mul(V::from_int(sum), factor[r]), scale[r], bias[r]); }
  };

  static bool stores_bytes_only(const Product& p, const QuantizedOutput* output) {
    const Ending& e = p.epilogue.ending;
    const bool is_clip = e.activation == Activation::clip && e.low <= e.high;
    return output && p.y == nullptr && p.epilogue.residual == nullptr && e.step == 0.0f &&
           (e.activation == Activation::none || is_clip);
  }

  [[gnu::noinline]] Int bytes_as_specified(const Int (&sums)[4]) const {
    const Scaled scaled(*this);
    Float value[4];
    for (int r = 0; r < 4; ++r) value[r] = ended<V>(scaled(sums[r], r), p_.epilogue.ending);
    return Quantizer<V>(output_->quantization).elements(value);
  }

  const Int8Weights& weights_;
  const Product& p_;
  const QuantizedOutput* output_;
  int row_, there_;
  bool is_elements_;
  ByteRows<V> bytes_;
};

// One vector of rows: y of `sums`.
template <class V>
void store_rows(const std::int32_t* sums, int row, int count, const Int8Weights& weights, float x_scale,
                const Epilogue& e, float* y) {
  for (int r = 0; r < count; ++r, ++row) {
    const auto sum = V::from_int(V::fill_int(sums[r]));
    auto value = V::fma(V::mul(sum, V::fill(weights.scale[row] * x_scale)),
                        V::fill(e.scale ? e.scale[row] : 1.0f), V::fill(e.bias ? e.bias[row] : 0.0f));
    if (e.residual) value = V::add(value, V::fill(e.residual[row]));
    V::store_first(y + row, 1, ended<V>(value, e.ending));
  }
}

}  // namespace
}  // namespace featherweight::kernels
