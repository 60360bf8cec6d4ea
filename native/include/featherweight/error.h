// The one exception that this library throws about its input.
#pragma once

#include <stdexcept>

namespace featherweight {

// Bytes that do not follow the format: truncated, altered or hostile. Python sees a ValueError.
class MalformedData : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

}  // namespace featherweight
