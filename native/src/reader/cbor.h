// A pull parser for deterministic CBOR (RFC 8949, section 4.2.1): no tree, no allocation.
//
// Accepted: definite lengths, integers that fit 64 signed bits, floats, text, byte strings, arrays,
// maps with sorted distinct text keys, true, false, null; each in its shortest form. A count is
// never larger than the bytes that are left, so a caller may trust it; nesting ends at kMaxDepth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace featherweight {

class CborReader {
 public:
  enum class Kind { integer, bytes, text, array, map, boolean, null, real };
  static constexpr int kMaxDepth = 32;

  // `where` names the section in messages and must outlive the reader.
  CborReader(const std::uint8_t* data, std::size_t size, const char* where)
      : begin_(data), cursor_(data), end_(data + size), where_(where) {}

  Kind peek() const;
  std::int64_t integer();
  double real();
  bool boolean();
  void null();
  std::string_view text();   // UTF-8
  std::string_view bytes();
  std::size_t array();       // number of items that follow
  std::size_t map();         // number of pairs that follow
  // The next key of a map; `previous` is the key before it, empty at first.
  std::string_view key(std::string_view previous, bool first);

  void skip(int depth = 0);  // one item of any kind, with all that is in it
  void finish() const;       // throws unless everything was read
  std::size_t offset() const { return static_cast<std::size_t>(cursor_ - begin_); }
  [[noreturn]] void fail(const char* rule) const;

 private:
  struct Head {
    int major;
    int info;
    std::uint64_t argument;
  };
  Head head();
  std::uint64_t expect(int major, const char* rule);
  std::string_view string(int major, const char* rule);
  std::size_t count(int major, std::size_t items_each, const char* rule);

  const std::uint8_t* begin_;
  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  const char* where_;
};

bool is_utf8(std::string_view text);

}  // namespace featherweight
