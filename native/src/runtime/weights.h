// Stored tensors in the execution format that suits a layer and this machine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kernels/int8/int8.h"
#include "kernels/matrix.h"
#include "runtime/plan.h"
#include "runtime/stored.h"

namespace featherweight::runtime {

// How a layer uses its weights: the whole tensor as a matrix, and what a run multiplies.
struct Use {
  int rows, depth;
  bool by_vectors;             // by `multiply_vector`; else by `multiply`, were it a single column
  bool is_transposed = false;  // the file holds [depth, rows]
  int taps = 1;                // of depth, of a convolution's filters (8-bit weights only)
};

struct Weights {
  std::unique_ptr<kernels::Matrix> matrix;
  std::string note;  // why not the format in which they are stored
};

// Weights of a node with `input8`, in the 8 bits in which they are stored; multiply_vector quantizes by `input8`.
std::unique_ptr<kernels::Int8Matrix> make_int8(const Plan& plan, const Node& node, const Use& use);
// The same of filters [rows, 1, ...] that read one channel each.
std::unique_ptr<kernels::Int8Matrix> make_int8_depthwise(const Plan& plan, const Node& node);

// A layer's weights, decoded once, from which the matrix of each group of rows is made.
class WeightSource {
 public:
  WeightSource(const Plan& plan, const Node& node, std::size_t input, const Use& use);

  Weights make(kernels::Range rows);

 private:
  Weights make_sparse(const kernels::SparseWeights& weights) const;
  Weights make_hinted(const kernels::SparseWeights& weights, const std::string& hint) const;
  Weights make_codebook(kernels::Range rows) const;
  Weights make_dense(kernels::Range rows, std::string note);
  const std::vector<float>& dense();

  const Plan& plan_;
  const Node& node_;
  std::size_t input_;
  Use use_;
  std::optional<StoredSparse> sparse_;
  std::optional<StoredCodes> codes_;
  std::vector<float> dense_;  // [rows][depth], once it is needed
};

}  // namespace featherweight::runtime
