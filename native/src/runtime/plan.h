// The steps of a network in execution order, as operators add them, and what memory each value has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "featherweight/session.h"
#include "kernels/aligned.h"
#include "runtime/break_even.h"
#include "runtime/model.h"
#include "runtime/thread_pool.h"

namespace featherweight::runtime {

// What a step sees when it runs.
struct Memory {
  float* const* values;    // by number; null for a value that no step reads
  unsigned char* scratch;  // the step's own, aligned; only until it returns
  ThreadPool& pool;
};

// So many bytes of scratch leave what follows aligned.
constexpr std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

struct Step {
  std::string op, layer;
  std::string format;            // of its weights: "dense", "csr", ...; "" without weights
  std::string detail;            // of the format, where there are several of its name
  std::string note;              // why the format was chosen, where that needs a word
  std::size_t weight_bytes = 0;  // resident
  std::vector<int> reads, writes;
  std::size_t scratch_bytes = 0;
  std::function<void(const Memory&)> run;
};

class Plan {
 public:
  Plan(const Model& model, const SessionOptions& options, const std::map<std::string, std::string>& layouts);

  const Model& model() const { return model_; }
  const SessionOptions& options() const { return options_; }
  const BreakEven& break_even() const { return break_even_; }
  int threads() const { return options_.threads; }
  // The file's hint for a tensor; "" without one, or where this machine was measured.
  std::string layout_of(const Tensor& tensor) const;

  void add(Step step);
  // A step that reads the node's inputs (and residual) and writes its outputs; `add` it when it is whole.
  Step step_of(const Node& node) const;

  // From now on `value` lies in `whole`, `offset` elements from its begin.
  void place(int value, int whole, std::int64_t offset);
  // The same for a value that another step may have placed already; false if it cannot be.
  bool try_place(int value, int whole, std::int64_t offset);
  // Lets `output` overwrite `input` where nobody reads `input` after the node that is being built.
  bool try_in_place(int output, int input);
  // Lets the node's output, if it writes floats, overwrite the residual that it adds; not where that is its input as
  // well, which is still read while the output is written.
  void try_in_residual(const Node& node);

  // Memory with the numbers of a stored or known value, for steps that read it as a plain operand.
  void need_constant(const Node& node, std::size_t input);
  // Resident for as long as the session: vectors of biases and the like.
  const float* keep(std::vector<float> values);

  // The node whose build is running: values are dead after their last reader.
  void begin(int node) { node_ = node; }

  struct Place {
    int whole;
    std::int64_t offset;
  };
  Place place_of(int value) const;

  std::vector<Step> steps;
  std::vector<std::vector<float>> constants;
  std::vector<int> constant_of;  // by value: an index into `constants`, or -1
  std::vector<std::unique_ptr<float[]>> kept;
  std::size_t kept_bytes = 0;

 private:
  bool is_fixed(int whole) const;  // memory of its own that cannot move: inputs, constants

  const Model& model_;
  SessionOptions options_;
  BreakEven break_even_;
  const std::map<std::string, std::string>& layouts_;
  std::vector<Place> places_;
  std::vector<int> last_reader_;
  int node_ = 0;
};

}  // namespace featherweight::runtime
