#include "runtime/weights.h"

#include <cstdio>

#include "kernels/blocks/blocks.h"
#include "kernels/codebook/codebook.h"
#include "kernels/csr/csr.h"
#include "kernels/dense/dense.h"
#include "kernels/slots/slots.h"
#include "kernels/two_of_sixteen/two_of_sixteen.h"

namespace featherweight::runtime {
namespace {

// Kept blocks may hold this much more than the kept weights before single weights are the better format.
constexpr double kBlockFill = 1.25;

struct Candidate {
  const char* name;
  double density;  // of what the format stores and multiplies
  double limit;    // it is faster than dense below this density
  int block_rows;  // 0: single weights
};

Candidate candidate_of(const kernels::SparseWeights& w, bool is_vector, const BreakEven& table) {
  const double density = static_cast<double>(w.entries()) / (static_cast<double>(w.rows) * w.depth);
  for (const int block_rows : {8, 4}) {
    if (w.rows < block_rows) continue;
    const double blocks = block_density(w, block_rows);
    if (blocks <= kBlockFill * density) {
      return {"blocks", blocks, is_vector ? table.blocks_vector : table.blocks_columns, block_rows};
    }
  }
  return {"csr", density, is_vector ? table.csr_vector : table.csr_columns, 0};
}

// At most 2 of every 16 consecutive columns.
bool is_two_of_sixteen(const kernels::SparseWeights& w) {
  for (int row = 0; row < w.rows; ++row) {
    int group = -1, kept = 0;
    for (std::uint32_t i = w.row_start[row]; i < w.row_start[row + 1]; ++i) {
      kept = w.columns[i] / 16 == group ? kept + 1 : 1;
      group = w.columns[i] / 16;
      if (kept > 2) return false;
    }
  }
  return true;
}

// Linear layers with shared weights may round activations to 8 bits. Null where that does not pay.
std::unique_ptr<kernels::Matrix> make_cells(const kernels::SparseWeights& w, const BreakEven& table) {
  if (w.codes == nullptr) return nullptr;
  if (is_two_of_sixteen(w)) return kernels::make_two_of_sixteen(w, false);
  const double density = static_cast<double>(w.entries()) / (static_cast<double>(w.rows) * w.depth);
  return density <= table.slots_vector ? kernels::make_slots(w, false) : nullptr;
}

std::string too_dense(const Candidate& c) {
  char text[160];
  std::snprintf(text, sizeof text, "%.0f %% of its %s are kept: dense is faster here from %.0f %% on", 100 * c.density,
                c.block_rows > 0 ? "blocks" : "weights", 100 * c.limit);
  return text;
}

}  // namespace

namespace {

std::vector<float> row_scales(const Plan& plan, const Node& node, std::size_t rows) {
  std::vector<float> scale = plan.model().input(node, 1).steps->scale;
  if (scale.size() == 1) scale.assign(rows, scale[0]);
  return scale;
}

}  // namespace

std::unique_ptr<kernels::Int8Matrix> make_int8(const Plan& plan, const Node& node, const Use& use) {
  std::vector<std::int8_t> stored = plan.model().bytes(node, 1);
  const std::vector<float> scale = row_scales(plan, node, static_cast<std::size_t>(use.rows));
  if (use.is_transposed) {
    std::vector<std::int8_t> turned(stored.size());
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const std::size_t row = i % static_cast<std::size_t>(use.rows), d = i / static_cast<std::size_t>(use.rows);
      turned[row * static_cast<std::size_t>(use.depth) + d] = stored[i];
    }
    stored = std::move(turned);
  }
  kernels::Int8Options options;
  options.input = &*node.input8;
  options.by_vectors = use.by_vectors;
  return kernels::make_int8(stored.data(), scale.data(), use.rows, use.depth / use.taps, use.taps, options);
}

std::unique_ptr<kernels::Int8Matrix> make_int8_depthwise(const Plan& plan, const Node& node) {
  const std::vector<std::int8_t> stored = plan.model().bytes(node, 1);
  const std::size_t rows = static_cast<std::size_t>(plan.model().input(node, 1).shape[0]);
  const std::vector<float> scale = row_scales(plan, node, rows);
  return kernels::make_int8_depthwise(stored.data(), scale.data(), static_cast<int>(rows),
                                      static_cast<int>(stored.size() / rows));
}

WeightSource::WeightSource(const Plan& plan, const Node& node, std::size_t input, const Use& use)
    : plan_(plan), node_(node), input_(input), use_(use) {
  const Tensor* const stored = plan.model().input(node, input).stored;
  if (stored == nullptr) refuse(node, "its weights must be stored in the file");
  if (use.is_transposed) return;
  sparse_ = StoredSparse::read(*stored);
  codes_ = StoredCodes::read(*stored);
}

Weights WeightSource::make(kernels::Range rows) {
  const bool is_free = plan_.options().prefer == Prefer::speed;
  const std::string hint = is_free ? plan_.layout_of(*plan_.model().input(node_, input_).stored) : "";
  if (hint == "dense" && (codes_ || sparse_)) return make_dense(rows, "the file asks for it");
  if (codes_) {
    const BreakEven& table = plan_.break_even();
    const bool is_fast = hint == "codebook" || (use_.by_vectors ? table.codebook_vector : table.codebook_columns) >= 1.0;
    return is_fast || !is_free ? make_codebook(rows) : make_dense(rows, "codes are slower here");
  }
  if (!sparse_) return make_dense(rows, "");
  const kernels::SparseWeights weights = sparse_->rows(rows.begin, rows.size());
  Weights hinted = make_hinted(weights, hint);
  if (hinted.matrix != nullptr) return hinted;
  Weights chosen = make_sparse(weights);
  return chosen.matrix != nullptr ? std::move(chosen) : make_dense(rows, chosen.note);
}

// Null where the hint is of a format that is not known, or not for this layer.
Weights WeightSource::make_hinted(const kernels::SparseWeights& weights, const std::string& hint) const {
  const kernels::Use way = use_.by_vectors ? kernels::Use::vector : kernels::Use::columns;
  const char* const note = "the file asks for it";
  if (hint == "csr") return {kernels::make_csr(weights, way), note};
  if (hint == "blocks4x1" && weights.rows >= 4) return {kernels::make_blocks(weights, 4, way), note};
  if (hint == "blocks8x1" && weights.rows >= 8) return {kernels::make_blocks(weights, 8, way), note};
  if (hint == "slots" && use_.by_vectors && !plan_.options().exact) return {kernels::make_slots(weights, false), note};
  return {nullptr, ""};
}

Weights WeightSource::make_sparse(const kernels::SparseWeights& weights) const {
  if (use_.by_vectors && !plan_.options().exact && plan_.options().prefer == Prefer::speed) {
    if (auto cells = make_cells(weights, plan_.break_even())) return {std::move(cells), ""};
  }
  const Candidate best = candidate_of(weights, use_.by_vectors, plan_.break_even());
  if (best.density > best.limit && plan_.options().prefer == Prefer::speed) return {nullptr, too_dense(best)};
  const kernels::Use way = use_.by_vectors ? kernels::Use::vector : kernels::Use::columns;
  if (best.block_rows > 0) return {kernels::make_blocks(weights, best.block_rows, way), ""};
  return {kernels::make_csr(weights, way), ""};
}

// Kept as codes: a vector is multiplied by look-ups, for many columns a panel at a time becomes floats.
Weights WeightSource::make_codebook(kernels::Range rows) const {
  kernels::CodebookOptions options;
  if (!plan_.options().exact) options.vector = kernels::VectorPrecision::int16;
  return {kernels::make_codebook(codes_->row(rows.begin), codes_->codebook.data(), static_cast<int>(codes_->codebook.size()),
                                 rows.size(), use_.depth, options),
          ""};
}

const std::vector<float>& WeightSource::dense() {
  if (!dense_.empty()) return dense_;
  std::vector<float> stored = plan_.model().floats(node_, input_);
  if (!use_.is_transposed) {
    dense_ = std::move(stored);
    return dense_;
  }
  dense_.resize(stored.size());
  const auto rows = static_cast<std::size_t>(use_.rows), depth = static_cast<std::size_t>(use_.depth);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t d = 0; d < depth; ++d) dense_[r * depth + d] = stored[d * rows + r];
  }
  return dense_;
}

Weights WeightSource::make_dense(kernels::Range rows, std::string note) {
  const std::size_t begin = static_cast<std::size_t>(rows.begin) * static_cast<std::size_t>(use_.depth);
  return {kernels::make_dense(dense().data() + begin, rows.size(), use_.depth), std::move(note)};
}

}  // namespace featherweight::runtime
