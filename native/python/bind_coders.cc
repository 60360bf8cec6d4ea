// Entropy coders and CRC-32 for Python: NumPy arrays of symbols on one side, bytes on the other.
#include <nanobind/stl/optional.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "bindings.h"
#include "featherweight/coders.h"
#include "featherweight/crc32.h"

namespace nb = nanobind;
using namespace nb::literals;
namespace fw = featherweight;

namespace {

using Symbols = InputArray<std::uint8_t>;
using Positions = InputArray<std::int64_t>;

const std::uint8_t* bytes_of(const nb::bytes& data) {
  return static_cast<const std::uint8_t*>(data.data());
}

// Runs `encode` without the GIL and hands its result to Python.
template <typename Encode>
nb::bytes encoded(Encode encode) {
  fw::Bytes bytes;
  {
    nb::gil_scoped_release release;
    bytes = encode();
  }
  return nb::bytes(bytes.data(), bytes.size());
}

template <typename Encode, typename Decode>
void bind_pair(nb::module_& m, const char* encode_name, const char* decode_name, Encode encode,
               Decode decode) {
  m.def(encode_name, [encode](Symbols symbols) {
    return encoded([&] { return encode(symbols.data(), symbols.size()); });
  }, "symbols"_a.noconvert());
  m.def(decode_name, [decode](nb::bytes data, std::size_t count) {
    return make_array<std::uint8_t>(
        count, [&](std::uint8_t* out) { decode(bytes_of(data), data.size(), out, count); });
  }, "data"_a, "count"_a);
}

void bind_packed(nb::module_& m) {
  m.def("packed_encode", [](Symbols symbols, int num_bits) {
    return encoded([&] { return fw::packed_encode(symbols.data(), symbols.size(), num_bits); });
  }, "symbols"_a.noconvert(), "num_bits"_a);
  m.def("packed_decode", [](nb::bytes data, std::size_t count, int num_bits) {
    return make_array<std::uint8_t>(count, [&](std::uint8_t* out) {
      fw::packed_decode(bytes_of(data), data.size(), out, count, num_bits);
    });
  }, "data"_a, "count"_a, "num_bits"_a);
}

const std::int64_t* checked(const std::optional<Positions>& positions, std::size_t count) {
  if (!positions) return nullptr;
  if (positions->size() == count) return positions->data();
  throw std::invalid_argument("positions must hold one for each of the " + std::to_string(count) +
                              " symbols, but got " + std::to_string(positions->size()));
}

void bind_codes(nb::module_& m) {
  m.def("context_encode_codes", [](Symbols symbols, int num_bits, std::size_t columns,
                                   std::optional<Positions> positions) {
    const std::int64_t* const places = checked(positions, symbols.size());
    return encoded([&] {
      return fw::context_encode_codes(symbols.data(), symbols.size(), num_bits, columns, places);
    });
  }, "symbols"_a.noconvert(), "num_bits"_a, "columns"_a = 0,
        "positions"_a.noconvert() = nb::none());
  m.def("context_decode_codes", [](nb::bytes data, std::size_t count, int num_bits,
                                   std::size_t columns, std::optional<Positions> positions) {
    const std::int64_t* const places = checked(positions, count);
    return make_array<std::uint8_t>(count, [&](std::uint8_t* out) {
      fw::context_decode_codes(bytes_of(data), data.size(), out, count, num_bits, columns, places);
    });
  }, "data"_a, "count"_a, "num_bits"_a, "columns"_a = 0, "positions"_a.noconvert() = nb::none());
}

nb::bytes encode_mask(const std::uint8_t* mask, std::size_t count, std::size_t columns) {
  return encoded([&] { return fw::context_encode_mask(mask, count, columns); });
}

void bind_mask(nb::module_& m) {
  m.def("context_encode_mask", [](Symbols mask, std::size_t columns) {
    return encode_mask(mask.data(), mask.size(), columns);
  }, "mask"_a.noconvert(), "columns"_a);
  m.def("context_encode_mask", [](InputArray<bool> mask, std::size_t columns) {
    // NumPy's bool is a byte of 0 or 1.
    return encode_mask(reinterpret_cast<const std::uint8_t*>(mask.data()), mask.size(), columns);
  }, "mask"_a.noconvert(), "columns"_a);
  m.def("context_decode_mask", [](nb::bytes data, std::size_t count, std::size_t columns) {
    return make_array<bool>(count, [&](bool* out) {
      fw::context_decode_mask(bytes_of(data), data.size(), reinterpret_cast<std::uint8_t*>(out),
                              count, columns);
    });
  }, "data"_a, "count"_a, "columns"_a);
}

std::uint32_t crc32_of_buffer(nb::handle data) {
  Py_buffer view;
  if (PyObject_GetBuffer(data.ptr(), &view, PyBUF_SIMPLE) != 0) throw nb::python_error();
  std::uint32_t crc = 0;
  {
    nb::gil_scoped_release release;
    crc = fw::crc32(static_cast<const std::uint8_t*>(view.buf), static_cast<std::size_t>(view.len));
  }
  PyBuffer_Release(&view);
  return crc;
}

}  // namespace

void bind_coders(nb::module_& m) {
  bind_pair(m, "huffman_encode", "huffman_decode", fw::huffman_encode, fw::huffman_decode);
  bind_pair(m, "rans_encode", "rans_decode", fw::rans_encode, fw::rans_decode);
  bind_packed(m);
  bind_codes(m);
  bind_mask(m);
  m.def("crc32", crc32_of_buffer, "data"_a);
}
