// The exceptions that this library throws about its input.
#pragma once

#include <stdexcept>

namespace featherweight {

// Bytes that do not follow the format: truncated, altered or hostile. Python sees a ValueError.
class MalformedData : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// A sound file that the runtime cannot run: an operator that it has not, shapes that do not fit.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace featherweight
