// What all kernels of matrix products share: Y [rows x columns] = W [rows x depth] * X [depth x columns].
//
// W is a network's weights in one of the execution formats (matrix.h). X is never gathered into a
// matrix of its own: row d of X begins `offsets[d]` elements after `data`, and its columns lie side by
// side. For a 1x1 convolution a row is a channel's plane; for any other convolution it is the plane
// shifted by one tap of the filter (src/runtime/planes.h says how planes are padded so that it works).
#pragma once

#include <cstddef>
#include <cstdint>

namespace featherweight::kernels {

enum class Activation : std::uint8_t { none, clip, hard_swish };

// What happens to a result before it is stored: its activation; then, with a step, it becomes the nearest
// multiple of it: step * min(most, max(least, round(y / step))), half to even.
struct Ending {
  Activation activation = Activation::none;
  float low = 0.0f, high = 0.0f;  // of clip
  float step = 0.0f;              // 0: not rounded
  float least = 0.0f, most = 0.0f;

  bool is_nothing() const { return activation == Activation::none && step == 0.0f; }
};

// y = ending(sum * column_scale[column] * scale[row] + bias[row] + residual).
struct Epilogue {
  const float* scale = nullptr;         // one a row; null: 1
  const float* bias = nullptr;          // one a row; null: 0
  const float* residual = nullptr;      // laid out as y; null: 0
  const float* column_scale = nullptr;  // one a stored column; null: 1
  Ending ending;
};

// Elements are 4 bytes: a float, four 8-bit numbers or 32 bits, as the weights' format wants them.
struct Operand {
  const void* data = nullptr;
  const std::int32_t* offsets = nullptr;  // in elements, one a row of X
  float scale = 1.0f;                     // of 8-bit elements: x = scale * (q - zero_point)
  std::int32_t zero_point = 0;
};

// Columns come in groups of `pitch` of which the first `width` are wanted (the others are sums over a
// plane's padding and are dropped): column p is stored at p / pitch * width + p % pitch.
struct Columns {
  int count = 0;
  int pitch = 1, width = 1;

  bool dense() const { return pitch == width; }
  int stored(int column) const { return column / pitch * width + column % pitch; }
  bool wanted(int column) const { return column % pitch < width; }
};

struct Product {
  int rows = 0, depth = 0;
  Operand x;
  Columns columns;
  float* y = nullptr;
  std::ptrdiff_t y_stride = 0;  // from one row of y to the next, in elements
  Epilogue epilogue;
};

struct Range {
  int begin = 0, end = 0;
  int size() const { return end - begin; }
};

}  // namespace featherweight::kernels
