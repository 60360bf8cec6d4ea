// The reader of .fwt files (docs/format.md). Every offset, count and checksum is checked before it
// is used; whatever breaks the format throws MalformedData with one sentence that says where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "featherweight/error.h"

namespace featherweight {

// The numbers are those of the file.
enum class DType : std::uint8_t { float32, float16, int64, int32, uint8, int8, boolean };
enum class Format : std::uint8_t { raw, shared, sparse, sparse_shared };
enum class Coder : std::uint8_t { raw, packed, huffman, rans, context };
enum class Role : std::uint8_t { values, positions, codebook, codes };

const char* name_of(DType dtype);
const char* name_of(Format format);
const char* name_of(Coder coder);
const char* name_of(Role role);
std::size_t size_of(DType dtype);  // bytes of one element

struct Section {
  std::uint32_t kind = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint32_t crc = 0;
};

enum SectionKind : std::uint32_t { kGraph = 1, kTensors = 2, kMetadata = 3 };

// A size, or the name of a symbolic one ("batch").
using Dimension = std::variant<std::int64_t, std::string>;

struct ValueInfo {
  std::string name;
  DType dtype = DType::float32;
  std::vector<Dimension> shape;
};

using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>,
                               std::vector<float>>;

constexpr std::int32_t kMissing = -1;  // an optional input that is not given

struct Node {
  std::string op;
  std::vector<std::int32_t> inputs;  // numbers of values, or kMissing
  std::vector<std::string> outputs;  // an optional output that nobody wants is ""
  std::vector<std::pair<std::string, Attribute>> attributes;
};

// A stream of coded symbols, or plain values; `data` points into the file.
struct Block {
  Role role = Role::values;
  Coder coder = Coder::raw;
  std::uint64_t symbols = 0;
  std::uint64_t bytes = 0;
  int width = 0;  // bits of one symbol before coding
  const std::uint8_t* data = nullptr;
};

struct Tensor {
  std::string name;
  DType dtype = DType::float32;
  std::vector<std::uint64_t> shape;
  std::uint64_t elements = 1;
  Format format = Format::raw;
  std::uint32_t section = 0;  // an index into the section table
  std::vector<Block> blocks;  // in the order of the format

  const Block* find(Role role) const;   // null if the format has no such block
  std::uint64_t kept() const;           // elements that are stored: all, or the sparse ones
  std::uint64_t stored_bytes() const;   // of all blocks
  std::uint64_t decoded_bytes() const;  // of all elements and all decoded symbols
};

// Values are numbered: graph inputs, then tensors, then outputs of nodes, each in file order.
struct Graph {
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<Node> nodes;
  std::vector<Tensor> tensors;
  std::uint32_t operator_set = 0;
  bool storage_only = false;

  std::vector<std::string> value_names() const;
};

struct Version {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
};

// One checked file. Cheap to move; blocks point into memory that lives as long as the File.
// A file that somebody shortens while it is mapped cannot be guarded against: writers rename.
class File {
 public:
  // The most that tensors may take once decoded: 64 MiB or 1024 times the file, unless given.
  using Limit = std::optional<std::uint64_t>;

  // Maps the file. Throws std::system_error if the operating system refuses.
  static File open(const std::string& path, Limit max_decoded_bytes = {});
  static File map(int descriptor, Limit max_decoded_bytes = {});
  // Reads a file that lies in memory, which must outlive the File.
  static File view(const std::uint8_t* data, std::size_t size, Limit max_decoded_bytes = {});

  Version version() const { return version_; }
  std::uint64_t file_bytes() const { return size_; }
  const std::vector<Section>& sections() const { return sections_; }
  const Graph& graph() const { return graph_; }
  const Section* metadata() const;  // null if the file has none
  const std::uint8_t* data() const { return data_; }

 private:
  File() = default;
  void parse(Limit max_decoded_bytes);

  std::shared_ptr<const void> owner_;  // the mapping, if it is ours
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  Version version_;
  std::vector<Section> sections_;
  Graph graph_;
};

// ---- Decoding. `out` buffers belong to the caller and have room for what the text says. ----

// All elements in row-major order: tensor.elements * size_of(tensor.dtype) bytes.
// `out_is_zero` says that `out` holds zeros already (fresh pages): then only kept elements of
// sparse tensors are touched.
void decode_dense(const Tensor& tensor, void* out, bool out_is_zero = false);

// Flat indices of the kept elements of a sparse tensor: tensor.kept() of them.
void decode_positions(const Tensor& tensor, std::int64_t* out);

// The same by rows of tensor.elements / shape[0] <= 65536 columns (compressed sparse rows):
// row r keeps columns[row_start[r]] ... columns[row_start[r + 1] - 1].
void decode_rows(const Tensor& tensor, std::uint32_t* row_start, std::uint16_t* columns);

// One code byte for each kept element, each below the number of codebook entries. The context coder
// needs the positions; a caller that has them saves decoding them once more.
void decode_codes(const Tensor& tensor, std::uint8_t* out,
                  const std::int64_t* positions = nullptr);

}  // namespace featherweight
