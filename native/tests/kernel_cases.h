// Products at sizes around every tile, for all formats: the operand, and the answer in float64.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "check.h"
#include "kernels/dispatch.h"
#include "kernels/matrix.h"

namespace featherweight::kernels {

struct Case {
  int rows, depth;
  Columns columns;
};

// Groups of columns with and without a gap, whole tiles and one more or less.
inline std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int rows : {1, 5, 6, 7, 12, 13, 25}) {
    for (const int depth : {1, 3, 16, 65}) {
      for (const Columns& columns : {Columns{1, 1, 1}, Columns{7, 7, 7}, Columns{16, 16, 16},
                                     Columns{33, 33, 33}, Columns{61, 9, 7}, Columns{97, 34, 29}}) {
        all.push_back({rows, depth, columns});
      }
    }
  }
  return all;
}

// A random operand whose rows overlap, as those of a convolution do, and vectors for an epilogue.
struct Problem {
  Case size;
  std::vector<float> data, scale, bias, residual, expected;
  std::vector<std::int32_t> offsets;
  Epilogue epilogue;
  int wanted = 0;

  // `weights`: [rows][depth].
  Problem(const Case& size_, const std::vector<float>& weights, Activation activation,
          std::mt19937& random) : size(size_) {
    std::normal_distribution<float> normal;
    for (int d = 0; d < size.depth; ++d) offsets.push_back((size.depth - 1 - d) * 5);
    data.resize(static_cast<std::size_t>((size.depth - 1) * 5 + size.columns.count));
    for (float& x : data) x = normal(random);
    for (int column = 0; column < size.columns.count; ++column) wanted += size.columns.wanted(column);
    for (int row = 0; row < size.rows; ++row) {
      scale.push_back(normal(random));
      bias.push_back(normal(random));
    }
    residual.resize(static_cast<std::size_t>(size.rows) * wanted);
    for (float& x : residual) x = normal(random);
    epilogue = {scale.data(), bias.data(), residual.data(), nullptr, {activation, -0.5f, 1.5f}};
    expected.resize(residual.size());
    for (int row = 0; row < size.rows; ++row) {
      for (int column = 0; column < size.columns.count; ++column) {
        if (!size.columns.wanted(column)) continue;
        double sum = 0.0;
        for (int d = 0; d < size.depth; ++d) {
          sum += static_cast<double>(weights[row * size.depth + d]) * data[offsets[d] + column];
        }
        const std::size_t at = static_cast<std::size_t>(row) * wanted + size.columns.stored(column);
        double y = sum * scale[row] + bias[row] + residual[at];
        if (activation == Activation::clip) y = std::min(1.5, std::max(-0.5, y));
        if (activation == Activation::hard_swish) y *= std::min(1.0, std::max(0.0, y / 6 + 0.5));
        expected[at] = static_cast<float>(y);
      }
    }
  }

  Product product(float* y) const {
    Product p;
    p.rows = size.rows;
    p.depth = size.depth;
    p.x = {data.data(), offsets.data()};
    p.columns = size.columns;
    p.y = y;
    p.y_stride = wanted;
    p.epilogue = epilogue;
    return p;
  }

  void check(const std::vector<float>& y, double tolerance) const {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(std::abs(y[i] - expected[i]) <= tolerance * (1.0 + std::abs(expected[i])));
    }
  }
};

// Runs `matrix` on `problem` in one piece, and cut at tiles, and compares both with float64.
inline void check_product(const Matrix& matrix, const Problem& problem, double tolerance) {
  std::vector<unsigned char> memory(matrix.scratch_bytes() + 64);
  void* const scratch = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
  const int rows = problem.size.rows, columns = problem.size.columns.count;
  if (matrix.multiplies_columns()) {
    std::vector<float> whole(problem.expected.size(), NAN), cut = whole;
    matrix.multiply(problem.product(whole.data()), {0, rows}, {0, columns}, scratch);
    problem.check(whole, tolerance);
    const Product product = problem.product(cut.data());
    for (int row = 0; row < rows; row += matrix.row_tile()) {
      for (int column = 0; column < columns; column += matrix.column_tile()) {
        matrix.multiply(product, {row, std::min(rows, row + matrix.row_tile())},
                        {column, std::min(columns, column + matrix.column_tile())}, scratch);
      }
    }
    CHECK(cut == whole);
  }
  if (columns == 1) {
    std::vector<float> x(static_cast<std::size_t>(problem.size.depth)), y(problem.expected.size(), NAN);
    for (int d = 0; d < problem.size.depth; ++d) x[d] = problem.data[problem.offsets[d]];
    matrix.multiply_vector(x.data(), y.data(), problem.epilogue, {0, rows}, scratch);
    problem.check(y, tolerance);
  }
}

}  // namespace featherweight::kernels
