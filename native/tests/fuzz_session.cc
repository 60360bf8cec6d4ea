// A libFuzzer target for the runtime: whatever graph a sound file holds, loading and running it answers, or
// throws MalformedData or RunError. The mutator is the reader's; native/README.md says how to run it.
#include <cstdlib>
#include <new>
#include <vector>

#include "featherweight/error.h"
#include "featherweight/session.h"
#include "fuzz_mutator.h"

namespace fw = featherweight;

namespace {

// Small, so that what is loaded also runs in little time.
constexpr std::uint64_t kMemory = 64 << 10;

std::vector<std::vector<float>> buffers(const std::vector<fw::PortInfo>& ports) {
  std::vector<std::vector<float>> all;
  for (const fw::PortInfo& port : ports) {
    std::size_t size = 1;
    for (const std::int64_t dimension : port.shape) size *= static_cast<std::size_t>(dimension);
    all.emplace_back(size, 0.5f);
  }
  return all;
}

void run(fw::Session& session) {
  std::vector<std::vector<float>> inputs = buffers(session.inputs()), outputs = buffers(session.outputs());
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const auto& input : inputs) in.push_back(input.data());
  for (auto& output : outputs) out.push_back(output.data());
  session.run(in.data(), out.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool exact : {false, true}) {
    fw::SessionOptions options;
    options.exact = exact;
    options.memory_limit = kMemory;
    if (exact) options.prefer = fw::Prefer::memory;
    try {
      fw::Session session = fw::Session::load(data, size, options);
      run(session);
    } catch (const fw::MalformedData&) {
      return 0;
    } catch (const fw::RunError&) {
      return 0;
    }
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return mutate_file(data, size, max_size, seed);
}
