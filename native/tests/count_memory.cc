// count_memory FILE...: for each .fwt file a line `FILE planned P counted C peak K run R arena A more M`: bytes
// that the session says it holds; that it holds, counted; at most while it was loaded; allocations of two runs;
// what its arena takes more with a batch of two than of one, and what was counted more, weights being the same.
// Fails if a run allocates, or if planned and counted differ by more than 1 % and 6 KiB. Without arguments, the
// golden runs.
//
// glibc's malloc is replaced by one that writes the size before each block.
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "featherweight/session.h"

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace {

std::atomic<std::int64_t> live{0}, peak{0}, calls{0};

// Before each block: where its memory begins, and its size.
struct Head {
  void* begin;
  std::size_t size;
};

void* allocate(std::size_t size, std::size_t alignment) {
  const std::size_t room = alignment > sizeof(Head) ? alignment : sizeof(Head);
  char* const begin = static_cast<char*>(room > 16 ? __libc_memalign(alignment, size + room) : __libc_malloc(size + room));
  if (begin == nullptr) return nullptr;
  char* const block = begin + room;
  const Head head{begin, size};
  std::memcpy(block - sizeof head, &head, sizeof head);
  const std::int64_t now = live += static_cast<std::int64_t>(size);
  if (now > peak) peak = now;  // only one thread loads
  ++calls;
  return block;
}

Head head_of(void* block) {
  Head head;
  std::memcpy(&head, static_cast<char*>(block) - sizeof head, sizeof head);
  return head;
}

}  // namespace

extern "C" {
void* malloc(std::size_t size) { return allocate(size, 16); }
void* calloc(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  void* const block = allocate(bytes, 16);
  return block ? std::memset(block, 0, bytes) : nullptr;
}
void free(void* block) {
  if (block == nullptr) return;
  const Head head = head_of(block);
  live -= static_cast<std::int64_t>(head.size);
  __libc_free(head.begin);
}
void* realloc(void* block, std::size_t size) {
  void* const moved = allocate(size, 16);
  if (block == nullptr || moved == nullptr) return moved;
  const std::size_t before = head_of(block).size;
  std::memcpy(moved, block, before < size ? before : size);
  free(block);
  return moved;
}
void* memalign(std::size_t alignment, std::size_t size) { return allocate(size, alignment); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return allocate(size, alignment); }
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  *block = allocate(size, alignment);
  return *block ? 0 : ENOMEM;
}
}

namespace {

namespace fw = featherweight;

std::vector<std::vector<float>> buffers(const std::vector<fw::PortInfo>& ports) {
  std::vector<std::vector<float>> all;
  for (const fw::PortInfo& port : ports) {
    std::size_t size = 1;
    for (const std::int64_t dimension : port.shape) size *= static_cast<std::size_t>(dimension);
    all.emplace_back(size, 0.5f);
  }
  return all;
}

// Bytes that the arena grows by with a second sample: planned, and counted. Activations alone do.
std::pair<std::int64_t, std::int64_t> second_sample(const std::string& path) {
  std::int64_t planned[2], counted[2];
  for (int i = 0; i < 2; ++i) {
    const std::int64_t before = live;
    fw::SessionOptions options;
    options.batch = i + 1;
    const fw::Session session = fw::Session::open(path, options);
    counted[i] = live - before;
    planned[i] = static_cast<std::int64_t>(session.memory().arena);
  }
  return {planned[1] - planned[0], counted[1] - counted[0]};
}

bool measure(const std::string& path) {
  const std::int64_t before = live;
  peak = before;
  fw::Session session = fw::Session::open(path);
  const std::int64_t counted = live - before, most = peak - before;
  std::vector<std::vector<float>> inputs = buffers(session.inputs()), outputs = buffers(session.outputs());
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const auto& input : inputs) in.push_back(input.data());
  for (auto& output : outputs) out.push_back(output.data());
  const std::int64_t calls_before = calls;
  session.run(in.data(), out.data());
  session.run(in.data(), out.data());
  const std::int64_t in_run = calls - calls_before;
  const fw::MemoryUse use = session.memory();
  const auto planned = static_cast<std::int64_t>(use.weights + use.arena + use.plan);
  const auto [arena, more] = second_sample(path);
  std::printf("%s planned %lld counted %lld peak %lld run %lld arena %lld more %lld\n", path.c_str(),
              static_cast<long long>(planned), static_cast<long long>(counted), static_cast<long long>(most),
              static_cast<long long>(in_run), static_cast<long long>(arena), static_cast<long long>(more));
  constexpr double kShare = 0.01, kSmall = 6 << 10;  // small: what steps hold of their own, offsets and the like
  const double apart = static_cast<double>(counted > planned ? counted - planned : planned - counted);
  return in_run == 0 && apart <= kShare * static_cast<double>(counted) + kSmall;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files(argv + 1, argv + argc);
  if (files.empty()) {
    for (const char* const name : {"attention", "binary", "pruned", "residual", "shuffle"}) {
      files.push_back(std::string(FEATHERWEIGHT_GOLDEN "/networks/") + name + ".fwt");
    }
  }
  bool is_good = true;
  for (const std::string& file : files) is_good = measure(file) && is_good;
  return is_good ? 0 : 1;
}
