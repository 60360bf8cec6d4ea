// The little that the C++ tests need: check something, and say which line failed.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                             \
    }                                                                           \
  } while (false)

// `statement` throws an `exception`.
#define CHECK_THROWS(statement, exception) \
  do {                                     \
    bool thrown = false;                   \
    try {                                  \
      statement;                           \
    } catch (const exception&) {           \
      thrown = true;                       \
    }                                      \
    CHECK(thrown);                         \
  } while (false)
