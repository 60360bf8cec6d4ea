#include "featherweight/coders.h"
#include <stdexcept>
namespace featherweight {
Bytes context_encode_codes(const std::uint8_t*, std::size_t, int) { throw std::logic_error("todo"); }
void context_decode_codes(const std::uint8_t*, std::size_t, std::uint8_t*, std::size_t, int) { throw std::logic_error("todo"); }
Bytes context_encode_mask(const std::uint8_t*, std::size_t, std::size_t) { throw std::logic_error("todo"); }
void context_decode_mask(const std::uint8_t*, std::size_t, std::uint8_t*, std::size_t, std::size_t) { throw std::logic_error("todo"); }
}
