// Runs a .fwt file. featherweight.h is the same for C and other languages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "featherweight/reader.h"

namespace featherweight {

enum class Prefer : std::uint8_t { speed, memory };

struct SessionOptions {
  int threads = 1;
  int batch = 1;                  // where the file leaves the batch open
  Prefer prefer = Prefer::speed;  // of the layouts of a layer: the fastest, or the smallest
  bool exact = false;             // float32 only: no kernel that rounds activations to 8 bits
  std::string break_even;         // what `featherweight calibrate` wrote; empty: the default
  // Bytes that activations, and decoded weights, may take: a file that asks for more is refused.
  std::optional<std::uint64_t> memory_limit;
};

struct PortInfo {
  std::string name;
  std::vector<std::int64_t> shape;
  bool is_batched = false;  // the file leaves the first dimension open: it follows SessionOptions::batch
};

// One step of the plan, with what it took in the last run if `Session::time_layers` is on.
struct LayerInfo {
  std::string name, op;
  std::string format, detail;  // of its weights, "" without weights; which of the formats of that name
  std::string note;            // why this format, where that needs a word
  std::size_t weight_bytes = 0;
  double milliseconds = 0.0;
};

struct MemoryUse {
  std::size_t weights = 0;  // in execution formats, with biases and constants
  std::size_t arena = 0;    // activations and scratch, as planned
  std::size_t plan = 0;     // the list of steps: names, shapes, pointers; what a step holds of its own is left out
};

// Not for two threads at once; sessions of one file are independent.
class Session {
 public:
  // Throws MalformedData, RunError or std::system_error, each with one sentence.
  static Session open(const std::string& path, const SessionOptions& options = {});
  // The bytes may be freed as soon as this returns.
  static Session load(const std::uint8_t* data, std::size_t size, const SessionOptions& options = {});

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const std::vector<PortInfo>& inputs() const;
  const std::vector<PortInfo>& outputs() const;
  // Float32, row-major, one pointer an input and an output. Allocates nothing.
  void run(const float* const* inputs, float* const* outputs);

  MemoryUse memory() const;
  // From the file's metadata; empty where it does not say. The network sees
  // (pixel - mean) / deviation by channel, pixels in [0, 1].
  const std::vector<std::string>& class_names() const;
  const std::vector<float>& mean() const;
  const std::vector<float>& deviation() const;
  const std::vector<LayerInfo>& layers() const;
  void time_layers(bool on);

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace featherweight
