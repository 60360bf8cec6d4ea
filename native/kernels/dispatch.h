// Which instruction set runs: the only place that chooses.
#pragma once

#include <string>
#include <vector>

#include "kernels/binary/binary.h"
#include "kernels/binary_weight/binary_weight.h"
#include "kernels/blocks/blocks.h"
#include "kernels/codebook/codebook.h"
#include "kernels/csr/csr.h"
#include "kernels/dense/dense.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/int8/int8.h"
#include "kernels/planes/planes.h"
#include "kernels/pool/pool.h"
#include "kernels/two_of_sixteen/cells.h"

namespace featherweight::kernels {

enum class InstructionSet : std::uint8_t { scalar, avx2, avx512 };

const char* name_of(InstructionSet set);

// What this machine can run, slowest first.
const std::vector<InstructionSet>& available();

// All kernels of one instruction set. A format that has none of its own there takes the next lower.
struct Kernels {
  InstructionSet set;
  const DenseKernels& dense;
  const RowBlocksKernels& csr;
  const BlocksKernels& blocks;
  const CellsKernels& cells;  // of two_of_sixteen and slots
  const CodebookKernels& codebook;
  const Int8Kernels& int8;
  const BinaryKernels& binary;
  const BinaryWeightKernels& binary_weight;
  const DepthwiseKernels& depthwise;
  const ElementwiseKernels& elementwise;
  const PlaneKernels& planes;
  const PoolKernels& pool;
};

const Kernels& kernels_of(InstructionSet set);

// The best that is available, or what FEATHERWEIGHT_INSTRUCTION_SET names, or what was chosen.
const Kernels& active_kernels();
// For tests and comparisons: of matrices made from now on. Throws std::invalid_argument.
void choose(InstructionSet set);

}  // namespace featherweight::kernels
