// Up to which density each format is faster than what stands in for it on a machine.
#pragma once

#include <string>

namespace featherweight::runtime {

// Kept weights (for blocks: kept blocks) over all weights. A linear layer multiplies one vector, a
// convolution many columns. `featherweight calibrate` measures these; the defaults are in the middle
// of what the machines that were measured gave.
struct BreakEven {
  double csr_vector = 0.45, csr_columns = 0.4;
  double blocks_vector = 0.9, blocks_columns = 0.6;
  double slots_vector = 0.2;  // of the formats with 8-bit activations; beyond it, csr
  // Codes of all weights: a network's are of density 1, so that these are 1 or 0.
  double codebook_vector = 1.0, codebook_columns = 1.0;
  bool is_measured = false;  // on this machine: then a hint of the file does not count

  // Lines `name density`, as `featherweight calibrate` writes them; '#' begins a comment.
  // Throws MalformedData for what is not of this form, std::system_error where there is no such file.
  static BreakEven read(const std::string& path);
};

}  // namespace featherweight::runtime
