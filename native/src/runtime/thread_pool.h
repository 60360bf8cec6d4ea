// A few threads that wait for work. Which thread does which piece never changes a result.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace featherweight::runtime {

class ThreadPool {
 public:
  // The calling thread is one of `threads`.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(piece, thread) for each piece of [0, pieces), and returns when all are done.
  // Allocates nothing. `work` must not throw.
  template <typename Work>
  void run(int pieces, const Work& work) {
    if (workers_.empty() || pieces <= 1) {
      for (int piece = 0; piece < pieces; ++piece) work(piece, 0);
      return;
    }
    start(pieces, [](const void* context, int piece, int thread) {
      (*static_cast<const Work*>(context))(piece, thread);
    }, &work);
  }

 private:
  using Call = void (*)(const void*, int, int);

  void start(int pieces, Call call, const void* context);
  void take(int thread);
  void loop(int thread);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::uint64_t round_ = 0;  // of work; tells a waiting thread that there is more
  int busy_ = 0;
  bool stops_ = false;
  std::atomic<int> next_{0};
  int pieces_ = 0;
  Call call_ = nullptr;
  const void* context_ = nullptr;
};

}  // namespace featherweight::runtime
