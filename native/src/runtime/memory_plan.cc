#include "runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "kernels/aligned.h"

namespace featherweight::runtime {
namespace {

std::size_t padded(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

MemoryPlan plan_memory(const std::vector<BufferLife>& buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return buffers[a].bytes > buffers[b].bytes;
  });
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t buffer : order) {
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (buffers[other].last < buffers[buffer].first || buffers[buffer].last < buffers[other].first) continue;
      if (plan.offsets[other] >= offset + buffers[buffer].bytes) break;
      offset = std::max(offset, plan.offsets[other] + padded(buffers[other].bytes));
    }
    plan.offsets[buffer] = offset;
    plan.bytes = std::max(plan.bytes, offset + padded(buffers[buffer].bytes));
    const auto place = std::upper_bound(placed.begin(), placed.end(), offset, [&](std::size_t value, std::size_t b) {
      return value < plan.offsets[b];
    });
    placed.insert(place, buffer);
  }
  return plan;
}

}  // namespace featherweight::runtime
