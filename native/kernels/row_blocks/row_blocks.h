// The layout that csr (blocks of one row) and blocks (of 4 or 8 rows) share.
//
// W is cut into groups of `block_rows` rows and X into bands of `band_depth` of its rows. A block is
// the weights of one group for one row of X; it is kept if any of them is. Blocks lie band by band,
// within it group by group, within it in rising order: a product that works through one band at a
// time, so that the part of X it needs stays in the nearest cache, reads the weights in one run. And
// as a band has at most 256 rows, one byte says which of them a block belongs to. Weights that only
// multiply vectors have bands of 4096 rows, and two bytes a block: long runs, at the end of which a
// branch is foreseen wrongly, and an x that still fits the nearest cache.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/aligned.h"
#include "kernels/matrix.h"
#include "kernels/weights.h"

namespace featherweight::kernels {

enum class Use : std::uint8_t { columns, vector };
enum class Stored : std::uint8_t { values, codes8, codes4 };

// What the kernels read. Blocks of (band, group): start[band * groups + group] up to the next start.
// Weights of block b are elements b * block_rows ... of `values` or of `codes` (codes4: the element of
// even number in the low half of its byte). May be read up to 64 bytes beyond the end.
struct RowBlocksView {
  int rows, depth, block_rows, band_depth, groups, bands;
  const std::uint32_t* start;
  // Row of X, counted from the band's first. The other one is null.
  const std::uint8_t* index8;
  const std::uint16_t* index16;
  Stored stored;
  const float* values;
  const std::uint8_t* codes;
  const float* codebook;  // 256 floats, zeros after `codebook_size`
  const std::uint8_t* codebook_bytes;  // [4][256]: the bytes of each float, the lowest first
  int codebook_size;
};

// One instruction set's functions for one number of rows a block. `scratch`: row_blocks_scratch().
struct RowBlocksKernels {
  int block_rows, column_tile, band_depth;  // of Use::columns
  void (*multiply)(const RowBlocksView& w, const Product& product, Range rows, Range columns,
                   float* scratch);
  void (*multiply_vector)(const RowBlocksView& w, const float* x, float* y, const Epilogue& epilogue,
                          Range rows, float* scratch);
};

constexpr int kMaxBand = 256;         // of Use::columns
constexpr int kVectorBand = 4096;     // of Use::vector
constexpr int kChunkRows = 1024;     // of W, whose partial sums are kept while a tile's bands pass
constexpr int kDecodedWeights = 4096;  // codes that a matrix-vector product turns into floats at once

class RowBlocks {
 public:
  // `band_depth`: up to 256 for an index of one byte, up to 65,536 for one of two.
  RowBlocks(const SparseWeights& weights, int block_rows, int band_depth);

  RowBlocksView view() const;
  std::size_t bytes() const;

 private:
  void pack_index(const SparseWeights& weights);
  int pack_codebook(const SparseWeights& weights, bool needs_zero);
  void pack_weights(const SparseWeights& weights);

  int rows_, depth_, block_rows_, band_depth_, groups_, bands_;
  Stored stored_ = Stored::values;
  int codebook_size_ = 0;
  AlignedArray<std::uint32_t> start_;
  AlignedArray<std::uint8_t> index8_, codes_, codebook_bytes_;
  AlignedArray<std::uint16_t> index16_;
  AlignedArray<float> values_, codebook_;
};

// Floats of scratch that a product wants.
std::size_t row_blocks_scratch(const RowBlocksKernels& kernels, Use use, int rows);

// Use::vector: offers no product with columns.
std::unique_ptr<Matrix> make_row_blocks(const char* format, const SparseWeights& weights,
                                        Use use, const RowBlocksKernels& kernels);

}  // namespace featherweight::kernels
