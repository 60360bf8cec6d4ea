// Throws MalformedData with a sentence made as printf makes it.
#pragma once

#include <cstdarg>
#include <cstdio>

#include "featherweight/error.h"

namespace featherweight {

[[noreturn]] __attribute__((format(printf, 1, 2))) inline void fail(const char* sentence, ...) {
  char text[512];
  std::va_list arguments;
  va_start(arguments, sentence);
  std::vsnprintf(text, sizeof(text), sentence, arguments);
  va_end(arguments);
  throw MalformedData(text);
}

// A 64-bit number for "%llu".
using Llu = unsigned long long;

}  // namespace featherweight
