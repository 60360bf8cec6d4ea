// The reader of .fwt files for Python: plain tuples and NumPy arrays, which
// featherweight.container.reader turns into its dataclasses.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "bindings.h"
#include "featherweight/reader.h"
#include "reader/cbor.h"

namespace nb = nanobind;
using namespace nb::literals;
namespace fw = featherweight;

namespace {

using AnyArray = nb::ndarray<nb::numpy>;
using ReadOnlyArray = nb::ndarray<nb::numpy, nb::ro>;

// A file, and the bytes object that it lies in, if it was not mapped.
struct Reader {
  fw::File file;
  nb::object memory;

  const fw::Tensor& tensor(std::size_t index) const { return file.graph().tensors.at(index); }
};

// Plain values of this size are shared with the mapped file instead of copied.
constexpr std::uint64_t kShareFrom = 65536;
constexpr std::size_t kHugePages = std::size_t{4} << 20;

nb::dlpack::dtype numpy_type(fw::DType dtype) {
  using Code = nb::dlpack::dtype_code;
  Code code = Code::Float;
  switch (dtype) {
    case fw::DType::float32:
    case fw::DType::float16: code = Code::Float; break;
    case fw::DType::int64:
    case fw::DType::int32:
    case fw::DType::int8: code = Code::Int; break;
    case fw::DType::uint8: code = Code::UInt; break;
    case fw::DType::boolean: code = Code::Bool; break;
  }
  return {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(8 * fw::size_of(dtype)), 1};
}

// Zeros that the operating system hands out page by page: what nobody writes costs nothing.
// Where many pages will be written, huge ones cost fewer faults.
std::pair<void*, nb::capsule> zeros(std::size_t bytes) {
  void* data = std::calloc(std::max<std::size_t>(bytes, 1), 1);
  if (data == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePages) {
    const auto page = std::uintptr_t{4096};
    const auto begin = (reinterpret_cast<std::uintptr_t>(data) + page - 1) / page * page;
    const auto end = (reinterpret_cast<std::uintptr_t>(data) + bytes) / page * page;
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // only a hint
  }
#endif
  return {data, nb::capsule(data, [](void* p) noexcept { std::free(p); })};
}

AnyArray dense(const Reader& reader, std::size_t index) {
  const fw::Tensor& tensor = reader.tensor(index);
  const std::vector<std::size_t> shape(tensor.shape.begin(), tensor.shape.end());
  auto [data, owner] = zeros(tensor.elements * fw::size_of(tensor.dtype));
  {
    nb::gil_scoped_release release;
    fw::decode_dense(tensor, data, true);
  }
  return AnyArray(data, shape.size(), shape.data(), owner, nullptr, numpy_type(tensor.dtype));
}

// The values or the codebook: shared with the file where they are large and aligned.
nb::object plain(nb::handle_t<Reader> self, std::size_t index, bool is_codebook) {
  const fw::Tensor& tensor = nb::cast<const Reader&>(self).tensor(index);
  const fw::Block* block = tensor.find(is_codebook ? fw::Role::codebook : fw::Role::values);
  if (block == nullptr) return nb::none();
  std::vector<std::size_t> shape{block->symbols};
  if (tensor.format == fw::Format::raw) shape.assign(tensor.shape.begin(), tensor.shape.end());
  const auto dtype = numpy_type(tensor.dtype);
  const auto address = reinterpret_cast<std::uintptr_t>(block->data);
  if (block->bytes >= kShareFrom && address % fw::size_of(tensor.dtype) == 0) {
    return nb::cast(ReadOnlyArray(block->data, shape.size(), shape.data(), self, nullptr, dtype));
  }
  auto [data, owner] = zeros(block->bytes);
  if (block->bytes > 0) std::memcpy(data, block->data, block->bytes);
  return nb::cast(AnyArray(data, shape.size(), shape.data(), owner, nullptr, dtype));
}

nb::object positions(const Reader& reader, std::size_t index) {
  const fw::Tensor& tensor = reader.tensor(index);
  if (tensor.find(fw::Role::positions) == nullptr) return nb::none();
  return nb::cast(make_array<std::int64_t>(
      tensor.kept(), [&](std::int64_t* out) { fw::decode_positions(tensor, out); }));
}

nb::object codes(const Reader& reader, std::size_t index) {
  const fw::Tensor& tensor = reader.tensor(index);
  if (tensor.find(fw::Role::codes) == nullptr) return nb::none();
  return nb::cast(make_array<std::uint8_t>(
      tensor.kept(), [&](std::uint8_t* out) { fw::decode_codes(tensor, out); }));
}

template <typename T>
OutputArray<T> adopt(std::unique_ptr<T[]> values, std::size_t count) {
  T* const data = values.release();
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return OutputArray<T>(data, {count}, owner);
}

nb::tuple sparse_rows(const Reader& reader, std::size_t index) {
  const fw::Tensor& tensor = reader.tensor(index);
  const std::size_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
  std::unique_ptr<std::uint32_t[]> row_start(new std::uint32_t[rows + 1]);
  std::unique_ptr<std::uint16_t[]> columns(new std::uint16_t[tensor.kept()]);
  {
    nb::gil_scoped_release release;
    fw::decode_rows(tensor, row_start.get(), columns.get());
  }
  return nb::make_tuple(adopt(std::move(row_start), rows + 1),
                        adopt(std::move(columns), tensor.kept()));
}

nb::object to_python(fw::CborReader& cbor) {
  using Kind = fw::CborReader::Kind;
  switch (cbor.peek()) {
    case Kind::integer: return nb::cast(cbor.integer());
    case Kind::real: return nb::cast(cbor.real());
    case Kind::boolean: return nb::cast(cbor.boolean());
    case Kind::null: cbor.null(); return nb::none();
    case Kind::text: return nb::cast(cbor.text());
    case Kind::bytes: {
      const std::string_view bytes = cbor.bytes();
      return nb::bytes(bytes.data(), bytes.size());
    }
    case Kind::array: {
      nb::list items;
      for (std::size_t left = cbor.array(); left > 0; --left) items.append(to_python(cbor));
      return items;
    }
    case Kind::map: break;
  }
  nb::dict items;
  std::string_view key;
  const std::size_t pairs = cbor.map();
  for (std::size_t i = 0; i < pairs; ++i) {
    key = cbor.key(key, i == 0);
    items[nb::cast(key)] = to_python(cbor);
  }
  return items;
}

nb::object metadata(const Reader& reader) {
  const fw::Section* section = reader.file.metadata();
  if (section == nullptr) return nb::dict();
  // The file's reader has been over it: kinds, depth and order are known to be good.
  fw::CborReader cbor(reader.file.data() + section->offset, section->length, "section metadata");
  return to_python(cbor);
}

nb::tuple value_info(const fw::ValueInfo& info) {
  return nb::make_tuple(info.name, fw::name_of(info.dtype), nb::tuple(nb::cast(info.shape)));
}

nb::tuple node_tuple(const fw::Node& node, const std::vector<std::string>& names) {
  nb::list inputs;
  for (const std::int32_t value : node.inputs) {
    inputs.append(value == fw::kMissing ? std::string() : names[value]);
  }
  nb::dict attributes;
  for (const auto& [name, value] : node.attributes) attributes[nb::cast(name)] = nb::cast(value);
  return nb::make_tuple(node.op, nb::tuple(inputs), nb::tuple(nb::cast(node.outputs)), attributes);
}

nb::tuple graph(const Reader& reader) {
  const fw::Graph& graph = reader.file.graph();
  const std::vector<std::string> names = graph.value_names();
  nb::list inputs, outputs, nodes;
  for (const fw::ValueInfo& info : graph.inputs) inputs.append(value_info(info));
  for (const fw::ValueInfo& info : graph.outputs) outputs.append(value_info(info));
  for (const fw::Node& node : graph.nodes) nodes.append(node_tuple(node, names));
  return nb::make_tuple(inputs, outputs, nodes, graph.operator_set);
}

nb::list tensors(const Reader& reader) {
  nb::list entries;
  for (const fw::Tensor& tensor : reader.file.graph().tensors) {
    nb::list blocks;
    for (const fw::Block& block : tensor.blocks) {
      blocks.append(nb::make_tuple(fw::name_of(block.role), fw::name_of(block.coder),
                                   block.symbols, block.bytes, block.width));
    }
    entries.append(nb::make_tuple(tensor.name, fw::name_of(tensor.dtype),
                                  nb::tuple(nb::cast(tensor.shape)), fw::name_of(tensor.format),
                                  tensor.section, blocks));
  }
  return entries;
}

nb::list sections(const Reader& reader) {
  nb::list entries;
  for (const fw::Section& section : reader.file.sections()) {
    entries.append(nb::make_tuple(section.kind, section.length, section.crc));
  }
  return entries;
}

Reader map_file(int descriptor, fw::File::Limit limit) {
  nb::gil_scoped_release release;
  return {fw::File::map(descriptor, limit), nb::object()};
}

Reader view_bytes(nb::bytes data, fw::File::Limit limit) {
  return {fw::File::view(static_cast<const std::uint8_t*>(data.data()), data.size(), limit), data};
}

}  // namespace

void bind_reader(nb::module_& m) {
  nb::class_<Reader>(m, "Reader")
      .def_static("map", map_file, "descriptor"_a, "max_decoded_bytes"_a.none() = nb::none())
      .def_static("view", view_bytes, "data"_a, "max_decoded_bytes"_a.none() = nb::none())
      .def_prop_ro("version", [](const Reader& reader) {
        const fw::Version version = reader.file.version();
        return nb::make_tuple(version.major, version.minor);
      })
      .def_prop_ro("file_bytes", [](const Reader& reader) { return reader.file.file_bytes(); })
      .def_prop_ro("storage_only",
                   [](const Reader& reader) { return reader.file.graph().storage_only; })
      .def("sections", sections)
      .def("graph", graph)
      .def("tensors", tensors)
      .def("metadata", metadata)
      .def("positions", positions, "index"_a)
      .def("codes", codes, "index"_a)
      .def("values", [](nb::handle_t<Reader> self, std::size_t index) {
        return plain(self, index, false);
      }, "index"_a)
      .def("codebook", [](nb::handle_t<Reader> self, std::size_t index) {
        return plain(self, index, true);
      }, "index"_a)
      .def("dense", dense, "index"_a)
      .def("sparse_rows", sparse_rows, "index"_a);
}
