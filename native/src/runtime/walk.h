// Walking a result together with operands that are read with strides of their own.
#pragma once

#include <array>
#include <cstddef>

#include "runtime/shape.h"

namespace featherweight::runtime {

// A result's shape with neighbouring dimensions merged where every operand allows it.
template <std::size_t kOperands>
struct Walk {
  Shape shape;                            // at least one dimension
  std::array<Shape, kOperands> strides;  // 0 where an operand is repeated

  Walk(const Shape& result, const std::array<Shape, kOperands>& operand_strides) : Walk() {
    for (std::size_t d = 0; d < result.size(); ++d) {
      if (result[d] == 1) continue;
      if (!shape.empty() && can_merge(result[d], operand_strides, d)) {
        shape.back() *= result[d];
        for (std::size_t k = 0; k < kOperands; ++k) strides[k].back() = operand_strides[k][d];
      } else {
        shape.push_back(result[d]);
        for (std::size_t k = 0; k < kOperands; ++k) strides[k].push_back(operand_strides[k][d]);
      }
    }
    if (shape.empty()) {
      shape.push_back(1);
      for (auto& own : strides) own.push_back(0);
    }
  }

  // Calls row(result offset, operand offsets, length) for each run of the last dimension.
  template <typename Row>
  void rows(const Row& row) const {
    const std::size_t outer = shape.size() - 1;
    const std::int64_t length = shape.back();
    std::array<std::int64_t, kOperands> at{};
    std::array<std::int64_t, kMaxRank> index{};
    std::int64_t count = 1;
    for (std::size_t d = 0; d < outer; ++d) count *= shape[d];
    for (std::int64_t i = 0; i < count; ++i) {
      row(i * length, at, length);
      for (std::size_t d = outer; d-- > 0;) {
        for (std::size_t k = 0; k < kOperands; ++k) at[k] += strides[k][d];
        if (++index[d] < shape[d]) break;
        for (std::size_t k = 0; k < kOperands; ++k) at[k] -= strides[k][d] * shape[d];
        index[d] = 0;
      }
    }
  }

 private:
  static constexpr std::size_t kMaxRank = 32;  // of tensors in a file

  Walk() = default;

  bool can_merge(std::int64_t size, const std::array<Shape, kOperands>& operand_strides, std::size_t d) const {
    for (std::size_t k = 0; k < kOperands; ++k) {
      if (strides[k].back() != operand_strides[k][d] * size) return false;
    }
    return true;
  }
};

}  // namespace featherweight::runtime
