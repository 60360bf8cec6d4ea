// The golden runs of tests/golden/networks through the C interface: outputs, any number of threads, error
// codes, and memory.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "check.h"
#include "featherweight/featherweight.h"

namespace {

const std::string kRuns = FEATHERWEIGHT_GOLDEN "/networks/";
const char* const kNames[] = {"attention", "binary", "pruned", "residual", "shuffle"};
constexpr int kBatch = 2;
// Of the largest output: float32 alone, and with activations rounded to 8 bits (measured: 1e-7 and 1e-3).
constexpr float kExactTolerance = 2e-6f, kTolerance = 5e-3f;

using Floats = std::vector<float>;

std::string load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK(file.good());
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

Floats load_floats(const std::string& path) {
  const std::string bytes = load(path);
  Floats values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::size_t size(const fw_port& port) {
  std::size_t product = 1;
  for (std::size_t i = 0; i < port.rank; ++i) product *= static_cast<std::size_t>(port.shape[i]);
  return product;
}

// The outputs of a session and of the same network loaded from memory agree, as do two runs.
Floats run(const std::string& name, const Floats& input, const fw_options& options) {
  fw_session* session = nullptr;
  CHECK(fw_load_file((kRuns + name + ".fwt").c_str(), &options, &session) == FW_OK);
  CHECK(fw_input_count(session) == 1 && fw_output_count(session) == 1);
  fw_port in{}, out{};
  CHECK(fw_input(session, 0, &in) == FW_OK && std::string(in.name) == "x");
  CHECK(fw_output(session, 0, &out) == FW_OK && std::string(out.name) == "y");
  CHECK(size(in) == input.size() && in.shape[0] == kBatch);
  Floats first(size(out)), again(size(out));
  const float* const inputs[] = {input.data()};
  float* outputs[] = {first.data()};
  CHECK(fw_run(session, inputs, outputs) == FW_OK);
  outputs[0] = again.data();
  CHECK(fw_run(session, inputs, outputs) == FW_OK && first == again);
  fw_memory memory{};
  CHECK(fw_memory_use(session, &memory) == FW_OK && memory.weights > 0 && memory.arena > 0 && memory.plan > 0);
  CHECK(std::string(fw_class_name(session, 1)) == "b" && fw_class_name(session, 2) == nullptr);
  CHECK(fw_preprocessing(session, nullptr, nullptr) == 0);
  fw_free(session);
  return first;
}

void test_run(const std::string& name, bool exact, int prefer) {
  const Floats input = load_floats(kRuns + name + ".input.bin"), expected = load_floats(kRuns + name + ".output.bin");
  fw_options options{};
  options.batch = kBatch;
  options.exact = exact;
  options.prefer = prefer;
  const Floats found = run(name, input, options);
  CHECK(found.size() == expected.size());
  float most = 0.0f, error = 0.0f;
  for (const float value : expected) most = std::max(most, std::abs(value));
  for (std::size_t i = 0; i < found.size(); ++i) error = std::max(error, std::abs(found[i] - expected[i]));
  CHECK(error <= (exact ? kExactTolerance : kTolerance) * most);
  for (const int threads : {2, 4}) {
    options.threads = threads;
    CHECK(run(name, input, options) == found);
  }
}

fw_status load_bytes(const std::string& bytes, const fw_options* options = nullptr) {
  fw_session* session = reinterpret_cast<fw_session*>(1);
  const fw_status status = fw_load_memory(bytes.data(), bytes.size(), options, &session);
  CHECK((status == FW_OK) == (session != nullptr));
  CHECK(status == FW_OK || std::strlen(fw_error_message()) > 0);
  fw_free(session);
  return status;
}

void test_errors_of_loading() {
  const std::string good = load(kRuns + "residual.fwt");
  CHECK(load_bytes(good) == FW_OK);
  CHECK(load_bytes(good.substr(0, good.size() / 2)) == FW_ERROR_MALFORMED);
  std::string altered = good;
  altered[altered.size() - 1] ^= 1;
  CHECK(load_bytes(altered) == FW_ERROR_MALFORMED);
  CHECK(load_bytes(load(FEATHERWEIGHT_GOLDEN "/storage-only.fwt")) == FW_ERROR_UNSUPPORTED);
  CHECK(std::string(fw_error_message()).find("Loop") != std::string::npos ||
        std::string(fw_error_message()).find("int64") != std::string::npos);
  fw_session* session = nullptr;
  CHECK(fw_load_file((kRuns + "no such file").c_str(), nullptr, &session) == FW_ERROR_SYSTEM && session == nullptr);
  CHECK(fw_load_file(nullptr, nullptr, &session) == FW_ERROR_ARGUMENT);
  CHECK(fw_load_memory(nullptr, 0, nullptr, &session) == FW_ERROR_ARGUMENT);
  CHECK(fw_load_memory(good.data(), good.size(), nullptr, nullptr) == FW_ERROR_ARGUMENT);
  fw_options options{};
  options.threads = -1;
  CHECK(load_bytes(good, &options) == FW_ERROR_ARGUMENT);
  options = {};
  options.prefer = 7;
  CHECK(load_bytes(good, &options) == FW_ERROR_ARGUMENT);
  options = {};
  options.break_even = "/no such table";
  CHECK(load_bytes(good, &options) == FW_ERROR_SYSTEM);
}

void test_errors_of_use() {
  fw_session* session = nullptr;
  CHECK(fw_load_file((kRuns + "residual.fwt").c_str(), nullptr, &session) == FW_OK);
  fw_port port{};
  CHECK(fw_input(session, 1, &port) == FW_ERROR_ARGUMENT);
  CHECK(fw_output(session, 0, nullptr) == FW_ERROR_ARGUMENT);
  CHECK(fw_run(session, nullptr, nullptr) == FW_ERROR_ARGUMENT);
  const float* const no_inputs[] = {nullptr};
  float* no_outputs[] = {nullptr};
  CHECK(fw_run(session, no_inputs, no_outputs) == FW_ERROR_ARGUMENT);
  CHECK(fw_memory_use(session, nullptr) == FW_ERROR_ARGUMENT);
  fw_free(session);
  CHECK(fw_run(nullptr, no_inputs, no_outputs) == FW_ERROR_ARGUMENT);
  CHECK(fw_input(nullptr, 0, &port) == FW_ERROR_ARGUMENT);
  CHECK(fw_input_count(nullptr) == 0 && fw_output_count(nullptr) == 0);
  CHECK(fw_class_name(nullptr, 0) == nullptr && fw_preprocessing(nullptr, nullptr, nullptr) == 0);
  fw_free(nullptr);
}

}  // namespace

int main() {
  for (const char* const name : kNames) {
    for (const bool exact : {false, true}) {
      test_run(name, exact, FW_PREFER_SPEED);
      test_run(name, exact, FW_PREFER_MEMORY);
    }
  }
  test_errors_of_loading();
  test_errors_of_use();
  return 0;
}
