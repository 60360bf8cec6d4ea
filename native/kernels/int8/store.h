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

// The wanted ones of columns `begin` ... `begin + count - 1`; returns how many runs.
inline int find_runs(int begin, int count, const Columns& columns, int row_pitch, Run* runs) {
  if (columns.dense() && row_pitch == columns.pitch) {
    runs[0] = {0, count, begin, begin};
    return 1;
  }
  int found = 0, group = begin / columns.pitch, in_group = begin % columns.pitch;
  for (int done = 0; done < count; ++group, in_group = 0) {
    const int wanted = columns.width - in_group, left = count - done;
    if (wanted > 0) {
      runs[found++] = {done, wanted < left ? wanted : left, group * columns.width + in_group,
                       group * row_pitch + in_group};
    }
    done += columns.pitch - in_group;
  }
  return found;
}

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
};

// Four rows of a run to bytes and nothing else: no residual, no activation that bytes cannot clip.
template <class V, int kStride>
void store_elements(const std::int32_t* sums, const Run& run, const FourRows<V>& rows, const Quantizer<V>& quantizer,
                 Int8x4* elements) {
  for (int i = 0; i < run.count; i += V::kLanes) {
    typename V::Float value[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      const auto sum = V::from_int(V::load_int(sums + r * kStride + run.from + i));
      value[r] = V::fma(V::mul(sum, rows.factor[r]), rows.scale[r], rows.bias[r]);
    }
    V::store_some(elements + run.to_element + i, quantizer.elements(value), run.count - i);
  }
}

// Rows `row` ... `row + 3` of a run. `sums` has rows kStride apart.
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
      const auto sum = V::from_int(V::load_int(sums + r * kStride + run.from + i));
      value[r] = V::fma(V::mul(sum, rows.factor[r]), rows.scale[r], rows.bias[r]);
      if (rows.residual[r]) value[r] = V::add(value[r], load_some<V>(rows.residual[r] + run.to + i, left));
      value[r] = ended<V>(value[r], ending);
      if (kBytes && rows.y[r] == nullptr) continue;
      if (left >= V::kLanes) {
        V::store(rows.y[r] + run.to + i, value[r]);
      } else {
        V::store(rows.y[r] + run.to + i, V::first(left), value[r]);
      }
    }
    if constexpr (kBytes) {
      V::store_some(elements + run.to_element + i, quantizer->elements(value), left);
    }
  }
}

// What the tiles of kRows rows have in common.
template <class V, int kRows, int kColumns>
struct TileRows {
  static constexpr int kGroups = kRows / 4;

  const Product& p;
  const QuantizedOutput* output;
  int row, rows_end;
  FourRows<V> of_group[kGroups];
  Ending ending;
  Quantizer<V> quantizer;

  TileRows(const Int8Weights& weights, const Product& product, const QuantizedOutput* quantized_output, int row_,
           int rows_end_)
      : p(product), output(quantized_output), row(row_), rows_end(rows_end_), ending(product.epilogue.ending),
        quantizer(output ? output->quantization : Quantization()) {
    for (int g = 0; g < kGroups; ++g) of_group[g].set(weights, p, row + 4 * g);
    // Not with a residual, of which NaN would not pass through.
    const bool is_clipped_as_bytes = output && p.y == nullptr && p.epilogue.residual == nullptr &&
                                     ending.activation == Activation::clip && ending.step == 0.0f;
    if (!is_clipped_as_bytes) return;
    quantizer = Quantizer<V>(output->quantization, ending);
    ending.activation = Activation::none;
  }

  // `count` columns from `column`. `sums` may be read a vector past the last column.
  void store(const std::int32_t* sums, int column, int count) const {
    Run runs[kColumns];
    const int found = find_runs(column, count, p.columns, output ? output->row_pitch : p.columns.pitch, runs);
    for (int g = 0; g < kGroups && row + 4 * g < rows_end; ++g) {
      const int left = rows_end - row - 4 * g, there = left < 4 ? left : 4;
      const std::int32_t* const from = sums + 4 * g * kColumns;
      if (output == nullptr) {
        for (int i = 0; i < found; ++i) {
          store_run<V, kColumns, false>(from, runs[i], of_group[g], there, ending, nullptr, nullptr);
        }
        continue;
      }
      Int8x4* const elements = output->data + (row / 4 + g) * output->stride;
      const bool is_bytes_only =
          there == 4 && p.y == nullptr && p.epilogue.residual == nullptr && ending.is_nothing();
      for (int i = 0; i < found; ++i) {
        if (is_bytes_only) {
          store_elements<V, kColumns>(from, runs[i], of_group[g], quantizer, elements);
        } else {
          store_run<V, kColumns, true>(from, runs[i], of_group[g], there, ending, &quantizer, elements);
        }
      }
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
    V::store(y + row, V::first(1), ended<V>(value, e.ending));
  }
}

}  // namespace
}  // namespace featherweight::kernels
