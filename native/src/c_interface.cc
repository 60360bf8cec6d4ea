// featherweight.h: exceptions become codes and messages.
#include <algorithm>
#include <cstdio>
#include <new>
#include <string>
#include <system_error>

#include "featherweight/error.h"
#include "featherweight/featherweight.h"
#include "featherweight/session.h"

struct fw_session {
  featherweight::Session session;
};

namespace {

// Of fixed size: a message about missing memory needs none.
thread_local char message[1024] = "";

fw_status failed(fw_status status, const char* text) {
  std::snprintf(message, sizeof message, "%s", text);
  return status;
}

template <typename Work>
fw_status guarded(const Work& work) {
  try {
    work();
    return FW_OK;
  } catch (const featherweight::MalformedData& error) {
    return failed(FW_ERROR_MALFORMED, error.what());
  } catch (const featherweight::RunError& error) {
    return failed(FW_ERROR_UNSUPPORTED, error.what());
  } catch (const std::bad_alloc&) {
    return failed(FW_ERROR_MEMORY, "there is not enough memory for the network.");
  } catch (const std::system_error& error) {
    return failed(FW_ERROR_SYSTEM, error.what());
  } catch (const std::exception& error) {
    return failed(FW_ERROR_ARGUMENT, error.what());
  }
}

bool valid(const fw_options& o) {
  return o.threads >= 0 && o.threads <= 1024 && o.batch >= 0 && (o.prefer == FW_PREFER_SPEED || o.prefer == FW_PREFER_MEMORY);
}

featherweight::SessionOptions converted(const fw_options* options) {
  featherweight::SessionOptions out;
  if (options == nullptr) return out;
  if (options->threads > 0) out.threads = options->threads;
  if (options->batch > 0) out.batch = options->batch;
  if (options->prefer == FW_PREFER_MEMORY) out.prefer = featherweight::Prefer::memory;
  out.exact = options->exact != 0;
  if (options->break_even != nullptr) out.break_even = options->break_even;
  if (options->memory_limit > 0) out.memory_limit = options->memory_limit;
  return out;
}

template <typename Load>
fw_status load(const fw_options* options, fw_session** session, const Load& load_with) {
  if (session == nullptr) return failed(FW_ERROR_ARGUMENT, "the pointer to a session must not be null.");
  *session = nullptr;
  if (options != nullptr && !valid(*options)) {
    return failed(FW_ERROR_ARGUMENT, "threads must be 0 to 1024, batch at least 0, prefer one of fw_prefer.");
  }
  return guarded([&] { *session = new fw_session{load_with(converted(options))}; });
}

fw_status port(const std::vector<featherweight::PortInfo>& infos, std::size_t index, fw_port* out) {
  if (out == nullptr || index >= infos.size()) return failed(FW_ERROR_ARGUMENT, "there is no such input or output.");
  *out = {infos[index].name.c_str(), infos[index].shape.size(), infos[index].shape.data()};
  return FW_OK;
}

}  // namespace

fw_status fw_load_file(const char* path, const fw_options* options, fw_session** session) {
  if (path == nullptr) return failed(FW_ERROR_ARGUMENT, "the path must not be null.");
  return load(options, session, [&](const auto& o) { return featherweight::Session::open(path, o); });
}

fw_status fw_load_memory(const void* data, size_t size, const fw_options* options, fw_session** session) {
  if (data == nullptr) return failed(FW_ERROR_ARGUMENT, "the data must not be null.");
  return load(options, session, [&](const auto& o) {
    return featherweight::Session::load(static_cast<const std::uint8_t*>(data), size, o);
  });
}

void fw_free(fw_session* session) { delete session; }

size_t fw_input_count(const fw_session* session) { return session ? session->session.inputs().size() : 0; }
size_t fw_output_count(const fw_session* session) { return session ? session->session.outputs().size() : 0; }

fw_status fw_input(const fw_session* session, size_t index, fw_port* out) {
  if (session == nullptr) return failed(FW_ERROR_ARGUMENT, "the session must not be null.");
  return port(session->session.inputs(), index, out);
}

fw_status fw_output(const fw_session* session, size_t index, fw_port* out) {
  if (session == nullptr) return failed(FW_ERROR_ARGUMENT, "the session must not be null.");
  return port(session->session.outputs(), index, out);
}

fw_status fw_run(fw_session* session, const float* const* inputs, float* const* outputs) {
  if (session == nullptr || inputs == nullptr || outputs == nullptr) {
    return failed(FW_ERROR_ARGUMENT, "session, inputs and outputs must not be null.");
  }
  const auto is_null = [](const float* pointer) { return pointer == nullptr; };
  if (std::any_of(inputs, inputs + fw_input_count(session), is_null) ||
      std::any_of(outputs, outputs + fw_output_count(session), is_null)) {
    return failed(FW_ERROR_ARGUMENT, "no pointer of inputs and outputs may be null.");
  }
  return guarded([&] { session->session.run(inputs, outputs); });
}

fw_status fw_memory_use(const fw_session* session, fw_memory* memory) {
  if (session == nullptr || memory == nullptr) return failed(FW_ERROR_ARGUMENT, "session and memory must not be null.");
  const featherweight::MemoryUse use = session->session.memory();
  *memory = {use.weights, use.arena, use.plan};
  return FW_OK;
}

const char* fw_class_name(const fw_session* session, size_t index) {
  if (session == nullptr || index >= session->session.class_names().size()) return nullptr;
  return session->session.class_names()[index].c_str();
}

size_t fw_preprocessing(const fw_session* session, const float** mean, const float** deviation) {
  if (session == nullptr) return 0;
  if (mean != nullptr) *mean = session->session.mean().data();
  if (deviation != nullptr) *deviation = session->session.deviation().data();
  return session->session.mean().size();
}

const char* fw_error_message(void) { return message; }
