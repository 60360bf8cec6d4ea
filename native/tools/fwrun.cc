// fwrun: runs a .fwt file on a picture or an array, with nothing else installed.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "featherweight/featherweight.h"
#include "input_file.h"

// The C++ library's own handler prints the exception's name, and links 50 kB of name printing for it.
namespace __gnu_cxx {
void __verbose_terminate_handler() { std::abort(); }
}  // namespace __gnu_cxx

namespace {

constexpr const char* kUsage =
    "usage: fwrun MODEL.fwt INPUT [--top N] [--repeat N] [--threads N] [--prefer speed|memory] [--exact]\n"
    "             [--break-even FILE]\n"
    "\n"
    "Runs MODEL.fwt on INPUT: an .npy array of the network's input, or a PPM or PGM picture.\n"
    "\n"
    "  --top N      print the N best classes (5)\n"
    "  --repeat N   run N times and print the median time (1)\n"
    "  --threads N  threads (1)\n"
    "  --prefer P   the layout of each layer that is fastest here, or smallest (speed)\n"
    "  --exact      no kernel that rounds activations to 8 bits\n"
    "  --break-even FILE  what `featherweight calibrate` measured here; else $FEATHERWEIGHT_BREAK_EVEN, or\n"
    "               featherweight/break-even.txt in $XDG_CACHE_HOME or ~/.cache, unless --exact\n"
    "\n"
    "example: fwrun lenet-5.fwt seven.pgm --top 3 --repeat 100\n";

// What was asked for cannot be understood: exit code 2.
struct WrongUsage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Asked {
  std::string model, input, break_even;
  int top = 5, repeat = 1;
  fw_options options{};
};

int number(const std::string& option, const char* text) {
  char* end = nullptr;
  const long value = text ? std::strtol(text, &end, 10) : 0;
  if (text == nullptr || *text == '\0' || *end != '\0' || value < 1 || value > 1000000) {
    throw WrongUsage(option + " must be an integer of at least 1, but is " + (text ? text : "missing") + ".");
  }
  return static_cast<int>(value);
}

Asked parse(int argc, char** argv) {
  Asked asked;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--top") asked.top = number(word, argv[++i]);
    else if (word == "--repeat") asked.repeat = number(word, argv[++i]);
    else if (word == "--threads") asked.options.threads = number(word, argv[++i]);
    else if (word == "--exact") asked.options.exact = 1;
    else if (word == "--break-even") {
      if (argv[++i] == nullptr) throw WrongUsage("--break-even must be followed by a file.");
      asked.break_even = argv[i];
    }
    else if (word == "--prefer") {
      const std::string value = argv[++i] ? argv[i] : "";
      if (value != "speed" && value != "memory") throw WrongUsage("--prefer must be speed or memory, but is '" + value + "'.");
      asked.options.prefer = value == "memory" ? FW_PREFER_MEMORY : FW_PREFER_SPEED;
    } else if (word.size() > 1 && word[0] == '-') throw WrongUsage("there is no option " + word + ".");
    else paths.push_back(word);
  }
  if (paths.size() != 2) throw WrongUsage("a model and an input must be given.");
  asked.model = paths[0];
  asked.input = paths[1];
  return asked;
}

// The table that `featherweight calibrate` wrote for this user; "" if there is none. As in Python
// (featherweight/runtime/break_even.py), float32 arithmetic stays the same from machine to machine.
std::string default_break_even(bool exact) {
  if (exact) return "";
  if (const char* const named = std::getenv("FEATHERWEIGHT_BREAK_EVEN")) return named;
  const char *const cache = std::getenv("XDG_CACHE_HOME"), *const home = std::getenv("HOME");
  std::string path = cache && *cache ? cache : home ? std::string(home) + "/.cache" : "";
  path += "/featherweight/break-even.txt";
  std::FILE* const file = std::fopen(path.c_str(), "r");
  if (file) std::fclose(file);
  return file ? path : "";
}

// The most memory that the process held, with the pages of the program itself; 0 where the system does not say.
double peak_megabytes() {
  std::FILE* const status = std::fopen("/proc/self/status", "r");
  char line[256];
  long kilobytes = 0;
  while (status && std::fgets(line, sizeof line, status)) std::sscanf(line, "VmHWM: %ld kB", &kilobytes);
  if (status) std::fclose(status);
  return static_cast<double>(kilobytes) * 1024 / 1e6;
}

void check(fw_status status) {
  if (status != FW_OK) throw std::runtime_error(fw_error_message());
}

std::string text(const fw_port& port) {
  std::string out = "[";
  for (std::size_t i = 0; i < port.rank; ++i) out += (i ? ", " : "") + std::to_string(port.shape[i]);
  return out + "]";
}

std::size_t size(const fw_port& port) {
  return static_cast<std::size_t>(std::accumulate(port.shape, port.shape + port.rank, std::int64_t{1}, std::multiplies<>()));
}

bool ends_with(const std::string& text, const char* end) {
  const std::size_t length = std::strlen(end);
  return text.size() >= length && text.compare(text.size() - length, length, end) == 0;
}

std::vector<float> read_input(const std::string& path, const fw_session* session, const fw_port& port) {
  if (ends_with(path, ".npy")) {
    const Array array = read_npy(path);
    // The batch of one may be left out.
    if (array.values.size() != size(port)) throw std::runtime_error(path + " has " + std::to_string(array.values.size()) + " elements, but the network takes " + text(port) + ".");
    return array.values;
  }
  if (port.rank != 4 || (port.shape[1] != 1 && port.shape[1] != 3)) throw std::runtime_error("the network takes " + text(port) + ", which is no picture; give it an .npy file.");
  const float *mean = nullptr, *deviation = nullptr;
  const std::size_t given = fw_preprocessing(session, &mean, &deviation);
  const bool fits = given == static_cast<std::size_t>(port.shape[1]);
  return prepare(read_pnm(path), port.shape[1], port.shape[2], port.shape[3], fits ? mean : nullptr, fits ? deviation : nullptr);
}

// What a network's last layer gives, as probabilities: unless it already ends in a softmax.
std::vector<float> probabilities(const std::vector<float>& scores) {
  const float most = *std::max_element(scores.begin(), scores.end()), least = *std::min_element(scores.begin(), scores.end());
  const float sum = std::accumulate(scores.begin(), scores.end(), 0.0f);
  if (least >= 0.0f && std::abs(sum - 1.0f) < 1e-3f) return scores;
  std::vector<float> out(scores.size());
  float total = 0.0f;
  for (std::size_t i = 0; i < scores.size(); ++i) total += out[i] = std::exp(scores[i] - most);
  for (float& p : out) p /= total;
  return out;
}

void print_top(const fw_session* session, const std::vector<float>& scores, int top) {
  const std::vector<float> p = probabilities(scores);
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = std::min(order.size(), static_cast<std::size_t>(top));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  for (std::size_t i = 0; i < count; ++i) {
    const char* const name = fw_class_name(session, order[i]);
    if (name) std::printf("%6.2f %%  %s\n", 100.0 * p[order[i]], name);
    else std::printf("%6.2f %%  class %zu\n", 100.0 * p[order[i]], order[i]);
  }
}

double timed_run(fw_session* session, const float* const* in, float* const* out) {
  const auto begin = std::chrono::steady_clock::now();
  check(fw_run(session, in, out));
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

void run(Asked asked) {
  fw_session* session = nullptr;
  if (asked.break_even.empty()) asked.break_even = default_break_even(asked.options.exact != 0);
  if (!asked.break_even.empty()) asked.options.break_even = asked.break_even.c_str();
  check(fw_load_file(asked.model.c_str(), &asked.options, &session));
  if (fw_input_count(session) != 1) throw std::runtime_error("the network must have one input, but has " + std::to_string(fw_input_count(session)) + ".");
  fw_port in{}, out{};
  check(fw_input(session, 0, &in));
  const std::vector<float> input = read_input(asked.input, session, in);
  std::vector<std::vector<float>> results;
  std::vector<float*> outputs;
  for (std::size_t i = 0; i < fw_output_count(session); ++i) {
    check(fw_output(session, i, &out));
    results.emplace_back(size(out));
  }
  for (auto& result : results) outputs.push_back(result.data());
  const float* inputs[] = {input.data()};
  std::vector<double> times;
  for (int i = 0; i < asked.repeat; ++i) times.push_back(timed_run(session, inputs, outputs.data()));
  std::sort(times.begin(), times.end());
  print_top(session, results[0], asked.top);
  fw_memory memory{};
  check(fw_memory_use(session, &memory));
  std::printf("%.3f ms (median of %d, p10 %.3f, p90 %.3f), weights %zu bytes, activations %zu bytes, plan %zu bytes\n",
              times[times.size() / 2], asked.repeat, times[times.size() / 10], times[times.size() * 9 / 10],
              memory.weights, memory.arena, memory.plan);
  if (const double peak = peak_megabytes()) std::printf("peak memory %.2f MB\n", peak);
  fw_free(session);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--help") == 0 || std::strcmp(argv[i], "-h") == 0) return std::fputs(kUsage, stdout) < 0;
  }
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const WrongUsage& error) {
    std::fprintf(stderr, "fwrun: %s\n%s", error.what(), kUsage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fwrun: %s\n", error.what());
    return 1;
  }
}
