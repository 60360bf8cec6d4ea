// Up to which density each sparse format is faster than dense on a machine.
#pragma once

#include <string>

namespace featherweight::runtime {

// Kept weights (for blocks: kept blocks) over all weights. A linear layer multiplies one vector, a
// convolution many columns. `featherweight calibrate` measures these; the defaults are in the middle
// of what the machines that were measured gave.
struct BreakEven {
  double csr_vector = 0.45, csr_columns = 0.4;
  double blocks_vector = 0.9, blocks_columns = 0.6;

  // Lines `name density`, as `featherweight calibrate` writes them; '#' begins a comment.
  // Throws MalformedData for what is not of this form.
  static BreakEven read(const std::string& path);
};

}  // namespace featherweight::runtime
