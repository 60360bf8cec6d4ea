// The runtime for Python: NumPy arrays in and out.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <stdexcept>

#include "bindings.h"
#include "featherweight/session.h"
#include "runtime/operators/operators.h"

namespace nb = nanobind;
using namespace nb::literals;
namespace fw = featherweight;

namespace {

using Input = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Port = std::tuple<std::string, std::vector<std::int64_t>, bool>;  // name, shape, is batched
// name, operator, format, detail, note, bytes of weights, milliseconds
using Layer = std::tuple<std::string, std::string, std::string, std::string, std::string, std::size_t, double>;

std::vector<Port> ports(const std::vector<fw::PortInfo>& infos) {
  std::vector<Port> out;
  for (const fw::PortInfo& info : infos) out.emplace_back(info.name, info.shape, info.is_batched);
  return out;
}

fw::SessionOptions options(int batch, int threads, bool prefers_memory, bool exact, const std::string& break_even,
                           std::optional<std::uint64_t> memory_limit) {
  if (batch < 1 || threads < 1) throw std::invalid_argument("batch and threads must be at least 1");
  fw::SessionOptions o;
  o.batch = batch;
  o.threads = threads;
  o.prefer = prefers_memory ? fw::Prefer::memory : fw::Prefer::speed;
  o.exact = exact;
  o.break_even = break_even;
  o.memory_limit = memory_limit;
  return o;
}

template <typename Array>
void check(const std::vector<Array>& arrays, const std::vector<fw::PortInfo>& infos, const char* what) {
  if (arrays.size() != infos.size()) {
    throw std::invalid_argument("there must be " + std::to_string(infos.size()) + " " + what + "s, but there are " +
                                std::to_string(arrays.size()));
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const std::vector<std::int64_t> shape(arrays[i].shape_ptr(), arrays[i].shape_ptr() + arrays[i].ndim());
    if (shape != infos[i].shape) throw std::invalid_argument(std::string(what) + " '" + infos[i].name + "' has the wrong shape");
  }
}

// Returns what the run took, in milliseconds.
double run(fw::Session& session, const std::vector<Input>& inputs, const std::vector<Output>& outputs) {
  check(inputs, session.inputs(), "input");
  check(outputs, session.outputs(), "output");
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const Input& array : inputs) in.push_back(array.data());
  for (const Output& array : outputs) out.push_back(array.data());
  nb::gil_scoped_release release;
  const auto begin = std::chrono::steady_clock::now();
  session.run(in.data(), out.data());
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<Layer> layers(const fw::Session& session) {
  std::vector<Layer> out;
  for (const fw::LayerInfo& l : session.layers()) {
    out.emplace_back(l.name, l.op, l.format, l.detail, l.note, l.weight_bytes, l.milliseconds);
  }
  return out;
}

}  // namespace

void bind_session(nb::module_& m) {
  nb::class_<fw::Session>(m, "Session")
      .def_static("open", [](const std::string& path, int batch, int threads, bool prefers_memory, bool exact,
                             const std::string& break_even, std::optional<std::uint64_t> memory_limit) {
        const fw::SessionOptions o = options(batch, threads, prefers_memory, exact, break_even, memory_limit);
        nb::gil_scoped_release release;
        return fw::Session::open(path, o);
      }, "path"_a, "batch"_a, "threads"_a, "prefers_memory"_a, "exact"_a, "break_even"_a = "",
         "memory_limit"_a.none() = nb::none())
      .def_static("load", [](nb::bytes data, int batch, int threads, bool prefers_memory, bool exact,
                             const std::string& break_even, std::optional<std::uint64_t> memory_limit) {
        return fw::Session::load(static_cast<const std::uint8_t*>(data.data()), data.size(),
                                 options(batch, threads, prefers_memory, exact, break_even, memory_limit));
      }, "data"_a, "batch"_a, "threads"_a, "prefers_memory"_a, "exact"_a, "break_even"_a = "",
         "memory_limit"_a.none() = nb::none())
      .def_prop_ro("inputs", [](const fw::Session& s) { return ports(s.inputs()); })
      .def_prop_ro("outputs", [](const fw::Session& s) { return ports(s.outputs()); })
      .def_prop_ro("weight_bytes", [](const fw::Session& s) { return s.memory().weights; })
      .def_prop_ro("arena_bytes", [](const fw::Session& s) { return s.memory().arena; })
      .def_prop_ro("plan_bytes", [](const fw::Session& s) { return s.memory().plan; })
      .def_prop_ro("layers", layers)
      .def("time_layers", &fw::Session::time_layers, "on"_a)
      .def("run", run, "inputs"_a.noconvert(), "outputs"_a.noconvert());
  m.def("runtime_operators", fw::runtime::operator_names);
}
