// The last step of a tile of int32 sums: to float32, epilogue, and floats or bytes to memory.
// Included by files of one instruction set only.
#pragma once

#include "kernels/finish.h"
#include "kernels/int8/quantize.h"

namespace featherweight::kernels {
namespace {

// Columns side by side in the tile and where they are stored.
struct Run {
  int from, count, to, to_element;
};

// Four rows' constants.
template <class V>
struct FourRows {
  typename V::Float factor[4], scale[4], bias[4];
  float* y[4];
  const float* residual[4];

  void set(const Int8Weights& weights, const Product& p, int row) {
    const Epilogue& e = p.epilogue;
    for (int r = 0; r < 4; ++r) {
      const bool is_there = row + r < p.rows;
      factor[r] = V::fill(is_there ? weights.scale[row + r] * p.x.scale : 0.0f);
      scale[r] = V::fill(is_there && e.scale ? e.scale[row + r] : 1.0f);
      bias[r] = V::fill(is_there && e.bias ? e.bias[row + r] : 0.0f);
      y[r] = is_there && p.y ? p.y + (row + r) * p.y_stride : nullptr;
      residual[r] = is_there && e.residual ? e.residual + (row + r) * p.y_stride : nullptr;
    }
  }
  typename V::Float scaled(typename V::Int sum, int r) const {
    return V::fma(V::mul(V::from_int(sum), factor[r]), scale[r], bias[r]);
  }
};

// Sums of four rows to bytes and nothing else: no residual, and no activation but clip. To round keeps the order of
// numbers, so that the bytes are clipped instead.
//
// In one step, q = floor(sum * slope + offset), where the offset holds the zero point and a half: in 16.16 fixed
// point. The specification rounds in between, so that its q may be another where this one is within kDoubt of the
// next: there, and where constants are too large for that to be true, it is computed as specified. What the two may
// be apart, in 2^-24 of a step, for results of -1 ... 257 steps and a bias of at most 512: slope and the specified
// product 769 each, offset 768, the sum here, y and y / scale 257 each: 3,077, which is 12.1 of 2^-16; and half of
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
      const bool is_there = row + r < p.rows;
      const float factor = is_there ? weights.scale[row + r] * p.x.scale : 0.0f;
      const double scale = is_there && e.scale ? e.scale[row + r] : 1.0;
      const double bias = is_there && e.bias ? e.bias[row + r] : 0.0;
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

// Four rows of a run, which begins at `sums`; its rows are kStride apart.
template <class V, int kStride, bool kBytes>
void store_run(const std::int32_t* sums, const Run& run, const FourRows<V>& rows, int rows_there,
               const Ending& ending, const Quantizer<V>* quantizer, Int8x4* elements) {
  for (int i = 0; i < run.count; i += V::kLanes) {
    const int left = run.count - i;
    typename V::Float value[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      value[r] = V::zero();
      if (r >= rows_there) continue;
      value[r] = rows.scaled(V::load_int(sums + r * kStride + i), r);
      if (rows.residual[r]) value[r] = V::add(value[r], load_some<V>(rows.residual[r] + run.to + i, left));
      value[r] = ended<V>(value[r], ending);
      if (kBytes && rows.y[r] == nullptr) continue;
      V::store_first(rows.y[r] + run.to + i, left < V::kLanes ? left : V::kLanes, value[r]);
    }
    if constexpr (kBytes) {
      V::store_some(elements + run.to_element + i, quantizer->elements(value), left);
    }
  }
}

template <class V>
void copy(const Int8x4* from, int count, Int8x4* to) {
  for (int i = 0; i < count; i += V::kLanes) {
    const int left = count - i;
    V::store_some(to + i, V::load_int(from + i, V::first(left < V::kLanes ? left : V::kLanes)), left);
  }
}

// What the tiles of kRows rows have in common.
template <class V, int kRows, int kColumns>
struct TileRows {
  using Int = typename V::Int;
  static constexpr int kGroups = kRows / 4;

  const Int8Weights& weights;
  const Product& p;
  const QuantizedOutput* output;
  int row, rows_end;
  bool is_bytes_only;
  FourRows<V> of_group[kGroups];
  ByteRows<V> bytes_of_group[kGroups];
  Quantizer<V> quantizer;

  TileRows(const Int8Weights& all, const Product& product, const QuantizedOutput* quantized_output, int row_,
           int rows_end_)
      : weights(all), p(product), output(quantized_output), row(row_), rows_end(rows_end_),
        is_bytes_only(stores_bytes_only(p, output)), quantizer(output ? output->quantization : Quantization()) {
    for (int g = 0; g < kGroups; ++g) {
      if (is_elements(g)) {
        bytes_of_group[g].set(weights, p, row + 4 * g, output->quantization);
      } else {
        of_group[g].set(weights, p, row + 4 * g);
      }
    }
  }

  static bool stores_bytes_only(const Product& p, const QuantizedOutput* output) {
    const Ending& e = p.epilogue.ending;
    const bool is_clip = e.activation == Activation::clip && e.low <= e.high;
    return output && p.y == nullptr && p.epilogue.residual == nullptr && e.step == 0.0f &&
           (e.activation == Activation::none || is_clip);
  }

  // `count` columns from `column`. `sums` may be read a vector past the last column.
  void store(const std::int32_t* sums, int column, int count) const {
    Run runs[kColumns];
    int found = 0;
    each_run(column, column + count, [&](const Run& run) { runs[found++] = run; });
    for (int g = 0; g < kGroups && row + 4 * g < rows_end; ++g, sums += 4 * kColumns) {
      if (!is_elements(g)) {
        for (int i = 0; i < found; ++i) store(g, sums + runs[i].from, runs[i]);
        continue;
      }
      Int8x4 tile[kColumns];
      const bool is_in_one_piece = found == 1 && runs[0].count == count;
      Int8x4* const to = is_in_one_piece ? elements(g) + runs[0].to_element : tile;
      for (int i = 0; i < count; i += V::kLanes) {
        Int four[4];
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) four[r] = V::load_int(sums + r * kColumns + i);
        V::store_some(to + i, bytes(g, four), count - i);
      }
      for (int i = 0; i < found && !is_in_one_piece; ++i) copy<V>(tile + runs[i].from, runs[i].count, elements(g) + runs[i].to_element);
    }
  }

  // do_run(Run) for the wanted ones of columns `begin` ... `end - 1`.
  template <class Do>
  void each_run(int begin, int end, Do&& do_run) const {
    const Columns& columns = p.columns;
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

  // Group g is stored as elements alone, all of its rows are there.
  bool is_elements(int g) const { return is_bytes_only && row + 4 * g + 4 <= rows_end; }
  Int8x4* elements(int g) const { return output->data + (row / 4 + g) * output->stride; }
  [[gnu::always_inline]] Int bytes(int g, const Int (&sums)[4]) const {
    return bytes_of_group[g].elements(sums, [&] { return bytes_as_specified(g, sums); });
  }
  [[gnu::noinline]] Int bytes_as_specified(int g, const Int (&sums)[4]) const {
    FourRows<V> rows;
    rows.set(weights, p, row + 4 * g);
    typename V::Float value[4];
    for (int r = 0; r < 4; ++r) value[r] = ended<V>(rows.scaled(sums[r], r), p.epilogue.ending);
    return quantizer.elements(value);
  }

  // A run of group g, otherwise; its rows are kColumns apart in `sums`.
  void store(int g, const std::int32_t* sums, const Run& run) const {
    const int left = rows_end - row - 4 * g, there = left < 4 ? left : 4;
    if (output == nullptr) {
      store_run<V, kColumns, false>(sums, run, of_group[g], there, p.epilogue.ending, nullptr, nullptr);
    } else {
      store_run<V, kColumns, true>(sums, run, of_group[g], there, p.epilogue.ending, &quantizer, elements(g));
    }
  }
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
