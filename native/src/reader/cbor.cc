#include "reader/cbor.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "reader/fail.h"

namespace featherweight {
namespace {

// Major types of RFC 8949, section 3.1.
constexpr int kUnsigned = 0, kNegative = 1, kBytes = 2, kText = 3, kArray = 4, kMap = 5,
              kSimple = 7;
constexpr int kFalse = 20, kTrue = 21, kNull = 22, kHalf = 25, kSingle = 26, kDouble = 27;

// Half precision, RFC 8949, appendix D.
double from_half(unsigned half) {
  const int exponent = (half >> 10) & 0x1F;
  const int mantissa = half & 0x3FF;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent != 31) {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    value = mantissa == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  }
  return (half & 0x8000) ? -value : value;
}

float from_single(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

double from_double(std::uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

bool fits_single(double value) {
  return std::isinf(value) || (std::fabs(value) <= std::numeric_limits<float>::max() &&
                               static_cast<double>(static_cast<float>(value)) == value);
}

// Half holds 11 significant bits of multiples of 2^-24, up to 65504.
bool fits_half(double value) {
  if (std::isinf(value)) return true;
  if (std::fabs(value) > 65504) return false;
  int exponent = 0;
  std::frexp(value, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 11, -24));
  return std::floor(value / unit) == value / unit;
}

}  // namespace

void CborReader::fail(const char* rule) const {
  featherweight::fail("%s: %s, at byte %llu of the section.", where_, rule,
                      static_cast<Llu>(offset()));
}

CborReader::Head CborReader::head() {
  if (cursor_ == end_) fail("the data ends in the middle of an item");
  const int major = *cursor_ >> 5;
  const int info = *cursor_ & 31;
  if (info < 24) {
    ++cursor_;
    return {major, info, static_cast<std::uint64_t>(info)};
  }
  if (info > 27) fail("lengths must be definite, and reserved codes are not allowed");
  const std::size_t size = std::size_t{1} << (info - 24);
  if (static_cast<std::size_t>(end_ - cursor_) < 1 + size) {
    fail("the data ends in the middle of an item");
  }
  std::uint64_t argument = 0;
  for (std::size_t i = 1; i <= size; ++i) argument = (argument << 8) | cursor_[i];
  const std::uint64_t shorter = size == 1 ? 24 : std::uint64_t{1} << (4 * size);
  if (major != kSimple && argument < shorter) fail("a number is not in its shortest form");
  cursor_ += 1 + size;
  return {major, info, argument};
}

CborReader::Kind CborReader::peek() const {
  if (cursor_ == end_) fail("the data ends where an item must follow");
  switch (*cursor_ >> 5) {
    case kUnsigned:
    case kNegative: return Kind::integer;
    case kBytes: return Kind::bytes;
    case kText: return Kind::text;
    case kArray: return Kind::array;
    case kMap: return Kind::map;
    case kSimple: break;
    default: fail("tags are not allowed");
  }
  switch (*cursor_ & 31) {
    case kFalse:
    case kTrue: return Kind::boolean;
    case kNull: return Kind::null;
    case kHalf:
    case kSingle:
    case kDouble: return Kind::real;
    default: fail("this simple value is not allowed");
  }
}

std::uint64_t CborReader::expect(int major, const char* rule) {
  const std::uint8_t* start = cursor_;
  const Head found = head();
  if (found.major != major) {
    cursor_ = start;
    fail(rule);
  }
  return found.argument;
}

std::int64_t CborReader::integer() {
  const std::uint8_t* start = cursor_;
  const Head found = head();
  const bool is_integer = found.major == kUnsigned || found.major == kNegative;
  if (!is_integer || found.argument > std::uint64_t{INT64_MAX}) {
    cursor_ = start;
    fail(is_integer ? "an integer does not fit 64 signed bits" : "an integer is expected");
  }
  const auto value = static_cast<std::int64_t>(found.argument);
  return found.major == kUnsigned ? value : -1 - value;
}

double CborReader::real() {
  if (peek() != Kind::real) fail("a float is expected");
  const Head found = head();
  const bool is_half = found.info == kHalf;
  const double value = is_half ? from_half(static_cast<unsigned>(found.argument))
                       : found.info == kSingle
                           ? from_single(static_cast<std::uint32_t>(found.argument))
                           : from_double(found.argument);
  if (std::isnan(value) ? !(is_half && found.argument == 0x7E00)
                        : !is_half && (fits_half(value) ||
                                       (found.info == kDouble && fits_single(value)))) {
    fail("a float is not in its shortest form");
  }
  return value;
}

bool CborReader::boolean() {
  if (peek() != Kind::boolean) fail("true or false is expected");
  return head().info == kTrue;
}

void CborReader::null() {
  if (peek() != Kind::null) fail("null is expected");
  head();
}

std::string_view CborReader::string(int major, const char* rule) {
  const std::uint64_t length = expect(major, rule);
  if (length > static_cast<std::uint64_t>(end_ - cursor_)) fail("a string goes past the end");
  const std::string_view found(reinterpret_cast<const char*>(cursor_),
                               static_cast<std::size_t>(length));
  cursor_ += length;
  return found;
}

std::string_view CborReader::text() {
  const std::string_view found = string(kText, "text is expected");
  if (!is_utf8(found)) fail("text is not UTF-8");
  return found;
}

std::string_view CborReader::bytes() { return string(kBytes, "a byte string is expected"); }

std::size_t CborReader::count(int major, std::size_t items_each, const char* rule) {
  const std::uint64_t found = expect(major, rule);
  // Every item takes at least one byte.
  if (found > static_cast<std::uint64_t>(end_ - cursor_) / items_each) {
    fail("a count is larger than the bytes that are left");
  }
  return static_cast<std::size_t>(found);
}

std::size_t CborReader::array() { return count(kArray, 1, "an array is expected"); }

std::size_t CborReader::map() { return count(kMap, 2, "a map is expected"); }

std::string_view CborReader::key(std::string_view previous, bool first) {
  const std::string_view found = text();
  // In encoded form a shorter key sorts first: its length stands before its bytes.
  const bool sorted = previous.size() != found.size() ? previous.size() < found.size()
                                                      : previous < found;
  if (!first && !sorted) fail("the keys of a map must be distinct and sorted");
  return found;
}

void CborReader::skip(int depth) {
  if (depth >= kMaxDepth) fail("items are nested deeper than 32 levels");
  switch (peek()) {
    case Kind::integer: integer(); return;
    case Kind::bytes: bytes(); return;
    case Kind::text: text(); return;
    case Kind::boolean: boolean(); return;
    case Kind::null: null(); return;
    case Kind::real: real(); return;
    case Kind::array:
      for (std::size_t left = array(); left > 0; --left) skip(depth + 1);
      return;
    case Kind::map:
      std::string_view previous;
      const std::size_t pairs = map();
      for (std::size_t i = 0; i < pairs; ++i) {
        previous = key(previous, i == 0);
        skip(depth + 1);
      }
      return;
  }
}

void CborReader::finish() const {
  if (cursor_ != end_) fail("bytes follow the last item");
}

// Well-formed UTF-8: Unicode 15, table 3-7.
bool is_utf8(std::string_view text) {
  const auto* byte = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = byte + text.size();
  while (byte < end) {
    const unsigned lead = *byte++;
    if (lead < 0x80) continue;
    const int following = lead < 0xC2 ? -1 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : -1;
    if (following < 0 || end - byte < following) return false;
    const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (*byte < low || *byte > high) return false;
    for (int i = 1; i < following; ++i) {
      if ((byte[i] & 0xC0) != 0x80) return false;
    }
    byte += following;
  }
  return true;
}

}  // namespace featherweight
