#include "runtime/operators/product.h"

#include <algorithm>

#include "kernels/dispatch.h"

namespace featherweight::runtime {

DenseProduct::DenseProduct(std::int64_t rows, std::int64_t depth, std::int64_t columns)
    : rows_(static_cast<int>(rows)), depth_(static_cast<int>(depth)), columns_(static_cast<int>(columns)),
      kernels_(kernels::active_kernels().dense) {
  for (std::int64_t d = 0; d < depth; ++d) offsets_.push_back(static_cast<std::int32_t>(d * columns));
}

std::size_t DenseProduct::thread_bytes() const {
  return whole_lines(kernels::dense_packed_size(kernels_.row_tile, depth_, kernels_.row_tile) * sizeof(float));
}

std::size_t DenseProduct::scratch_bytes(int threads) const {
  return static_cast<std::size_t>(threads) * thread_bytes();
}

void DenseProduct::run(const float* a, std::int64_t a_stride, std::int64_t a_step, const float* b, float* y,
                       const kernels::Epilogue& epilogue, unsigned char* scratch, ThreadPool& pool) const {
  const int tile = kernels_.row_tile;
  pool.run((rows_ + tile - 1) / tile, [&](int piece, int thread) {
    auto* const packed = reinterpret_cast<float*>(scratch + thread * thread_bytes());
    const int row = piece * tile, count = std::min(tile, rows_ - row);
    kernels::dense_pack(a + row * a_stride, a_stride, a_step, count, depth_, tile, packed);
    kernels::Product p;
    p.rows = count;
    p.depth = depth_;
    p.x = {b, offsets_.data()};
    p.columns = {columns_, columns_, columns_};
    p.y = y + static_cast<std::ptrdiff_t>(row) * columns_;
    p.y_stride = columns_;
    p.epilogue = epilogue;
    if (p.epilogue.scale) p.epilogue.scale += row;
    if (p.epilogue.bias) p.epilogue.bias += row;
    if (p.epilogue.residual) p.epilogue.residual += static_cast<std::ptrdiff_t>(row) * columns_;
    kernels_.multiply(packed, p, {0, count}, {0, columns_}, nullptr);
  });
}

}  // namespace featherweight::runtime
