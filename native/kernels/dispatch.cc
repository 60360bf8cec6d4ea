#include "kernels/dispatch.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace featherweight::kernels {
namespace {

const Kernels kScalar{
    InstructionSet::scalar,
    kDenseScalar,
    kCsrScalar,
    kBlocksScalar,
    kCellsScalar,
    kCodebookScalar,
    kInt8Scalar,
    kBinaryScalar,
    kBinaryWeightScalar,
    kDepthwiseScalar,
    kElementwiseScalar,
    kPlanesScalar,
    kPoolScalar,
};
#ifdef FEATHERWEIGHT_X86
const Kernels kAvx2{
    InstructionSet::avx2,
    kDenseAvx2,
    kCsrAvx2,
    kBlocksAvx2,
    kCellsAvx2,
    kCodebookAvx2,
    kInt8Avx2,
    kBinaryAvx2,
    kBinaryWeightAvx2,
    kDepthwiseAvx2,
    kElementwiseAvx2,
    kPlanesAvx2,
    kPoolAvx2,
};
const Kernels kAvx512{
    InstructionSet::avx512,
    kDenseAvx512,
    kCsrAvx512,
    kBlocksAvx512,
    kCellsAvx512,
    kCodebookAvx512,
    kInt8Avx512,
    kBinaryAvx512,
    kBinaryWeightAvx512,
    kDepthwiseAvx512,
    kElementwiseAvx512,
    kPlanesAvx512,
    kPoolAvx512,
};

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

// What every server core since 2019 and Zen 4 have together; kernels need not ask for each alone.
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni") &&
         __builtin_cpu_supports("avx512vpopcntdq");
}
#endif

std::vector<InstructionSet> detect() {
  std::vector<InstructionSet> found{InstructionSet::scalar};
#ifdef FEATHERWEIGHT_X86
  if (has_avx2()) found.push_back(InstructionSet::avx2);
  if (has_avx512()) found.push_back(InstructionSet::avx512);
#endif
  return found;
}

InstructionSet checked(InstructionSet set) {
  for (const InstructionSet each : available()) {
    if (each == set) return set;
  }
  throw std::invalid_argument(std::string("this machine cannot run instruction set ") + name_of(set));
}

InstructionSet preferred() {
  const char* const name = std::getenv("FEATHERWEIGHT_INSTRUCTION_SET");
  if (name == nullptr || *name == '\0') return available().back();
  for (const InstructionSet set : available()) {
    if (std::string(name) == name_of(set)) return set;
  }
  throw std::invalid_argument(std::string("FEATHERWEIGHT_INSTRUCTION_SET must be one that this machine can run "
                                          "(scalar, avx2, avx512), but is ") + name);
}

std::atomic<const Kernels*> chosen{nullptr};

}  // namespace

const char* name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::scalar: return "scalar";
    case InstructionSet::avx2: return "avx2";
    case InstructionSet::avx512: return "avx512";
  }
  return "";
}

const std::vector<InstructionSet>& available() {
  static const std::vector<InstructionSet> kAvailable = detect();
  return kAvailable;
}

const Kernels& kernels_of(InstructionSet set) {
#ifdef FEATHERWEIGHT_X86
  if (set == InstructionSet::avx2) return kAvx2;
  if (set == InstructionSet::avx512) return kAvx512;
#endif
  (void)set;
  return kScalar;
}

const Kernels& active_kernels() {
  const Kernels* kernels = chosen.load();
  if (kernels == nullptr) {
    kernels = &kernels_of(preferred());
    chosen.store(kernels);
  }
  return *kernels;
}

void choose(InstructionSet set) { chosen.store(&kernels_of(checked(set))); }

}  // namespace featherweight::kernels
