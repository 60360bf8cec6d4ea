// Where each buffer lies in one arena, so that buffers that live at the same time do not overlap.
#pragma once

#include <cstddef>
#include <vector>

namespace featherweight::runtime {

struct BufferLife {
  std::size_t bytes = 0;
  int first = 0, last = 0;  // steps, both included
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  // of each buffer, aligned to a cache line
  std::size_t bytes = 0;             // of the arena
};

// Largest buffers first, each at the lowest place that is free while it lives (Pisarchyk & Lee,
// "Efficient Memory Management for Deep Neural Net Inference", arXiv 2001.03288, greedy by size).
MemoryPlan plan_memory(const std::vector<BufferLife>& buffers);

}  // namespace featherweight::runtime
