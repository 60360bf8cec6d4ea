// One entry of `tensors` in the graph section, with all that can be checked before its bytes are.
#include "reader/fail.h"
#include "reader/graph_section.h"

namespace featherweight {
namespace {

constexpr std::size_t kMaxRank = 32;
// More elements than any machine holds, few enough that 8 bytes an element fit 64 bits.
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 48;

const std::vector<Role>& roles_of(Format format) {
  static const std::vector<Role> kRoles[] = {
      {Role::values},
      {Role::codebook, Role::codes},
      {Role::positions, Role::values},
      {Role::positions, Role::codebook, Role::codes},
  };
  return kRoles[static_cast<int>(format)];
}

std::uint64_t read_size(CborReader& cbor, std::uint64_t most) {
  const std::int64_t value = cbor.integer();
  if (value < 0 || static_cast<std::uint64_t>(value) > most) {
    cbor.fail("a size is negative or too large");
  }
  return static_cast<std::uint64_t>(value);
}

void read_shape(CborReader& cbor, Tensor& tensor) {
  const std::size_t rank = cbor.array();
  if (rank > kMaxRank) cbor.fail("a tensor has more than 32 dimensions");
  for (std::size_t i = 0; i < rank; ++i) {
    const std::uint64_t size = read_size(cbor, kMaxElements);
    tensor.shape.push_back(size);
    if (size != 0 && tensor.elements > kMaxElements / size) {
      cbor.fail("a tensor has more than 2^48 elements");
    }
    tensor.elements *= size;
  }
}

Block read_block(CborReader& cbor, Role role) {
  if (cbor.array() != 4) cbor.fail("a block must be [coder, symbols, bytes, width]");
  Block block;
  block.role = role;
  block.coder = static_cast<Coder>(read_size(cbor, static_cast<int>(Coder::context)));
  block.symbols = read_size(cbor, kMaxElements);
  block.bytes = read_size(cbor, kMaxElements);
  block.width = static_cast<int>(read_size(cbor, 64));
  return block;
}

[[noreturn]] void refuse(const Tensor& tensor, const Block& block, const char* rule) {
  fail("tensor '%s': block %s: %s, but it has coder %s, %llu symbols, %llu bytes, width %d.",
       tensor.name.c_str(), name_of(block.role), rule, name_of(block.coder),
       static_cast<Llu>(block.symbols), static_cast<Llu>(block.bytes), block.width);
}

void check_plain(const Tensor& tensor, const Block& block) {
  const std::size_t size = size_of(tensor.dtype);
  if (block.coder != Coder::raw) refuse(tensor, block, "plain values must have coder raw");
  if (block.width != static_cast<int>(8 * size) || block.bytes != block.symbols * size) {
    refuse(tensor, block, "width and bytes must be those of the tensor's dtype");
  }
  if (block.role == Role::codebook && (block.symbols < 1 || block.symbols > 256)) {
    refuse(tensor, block, "a codebook must have 1 to 256 entries");
  }
}

void check_stream(const Tensor& tensor, const Block& block) {
  if (block.coder == Coder::raw) refuse(tensor, block, "symbols must have a coder");
  if (block.width < 1 || block.width > 8) refuse(tensor, block, "width must be 1 to 8");
  if (block.symbols == 0 && block.bytes != 0) refuse(tensor, block, "no symbols take no bytes");
  if (block.symbols > tensor.elements) refuse(tensor, block, "symbols exceed the elements");
}

void check_positions(const Tensor& tensor, const Block& block) {
  check_stream(tensor, block);
  const bool is_mask = block.coder == Coder::context;
  if (is_mask && (block.symbols != tensor.elements || block.width != 1)) {
    refuse(tensor, block, "a mask must have width 1 and one symbol an element");
  }
  if (!is_mask && (block.symbols < tensor.kept() || (tensor.kept() == 0 && block.symbols > 0))) {
    refuse(tensor, block, "the gaps must lead to every kept element and end there");
  }
}

void check_codes(const Tensor& tensor, const Block& block) {
  check_stream(tensor, block);
  int width = 1;
  while ((std::uint64_t{1} << width) < tensor.find(Role::codebook)->symbols) ++width;
  if (block.width != width) refuse(tensor, block, "width must be that of the last code");
}

void check_blocks(const Tensor& tensor) {
  for (const Block& block : tensor.blocks) {
    switch (block.role) {
      case Role::positions: check_positions(tensor, block); break;
      case Role::codes: check_codes(tensor, block); break;
      case Role::values:
      case Role::codebook: check_plain(tensor, block); break;
    }
  }
  const Block& last = tensor.blocks.back();
  const bool is_dense = tensor.format == Format::raw || tensor.format == Format::shared;
  if (is_dense ? last.symbols != tensor.elements : last.symbols > tensor.elements) {
    refuse(tensor, last, "there must be one symbol for each element that is kept");
  }
}

}  // namespace

Tensor read_tensor(CborReader& cbor) {
  if (cbor.array() != 6) {
    cbor.fail("a tensor must be [name, dtype, shape, format, section, blocks]");
  }
  Tensor tensor;
  tensor.name = read_name(cbor);
  tensor.dtype = read_dtype(cbor);
  read_shape(cbor, tensor);
  tensor.format = static_cast<Format>(read_size(cbor, static_cast<int>(Format::sparse_shared)));
  tensor.section = static_cast<std::uint32_t>(read_size(cbor, UINT32_MAX));
  const std::vector<Role>& roles = roles_of(tensor.format);
  if (cbor.array() != roles.size()) cbor.fail("a tensor has not the blocks of its format");
  for (const Role role : roles) tensor.blocks.push_back(read_block(cbor, role));
  check_blocks(tensor);
  return tensor;
}

}  // namespace featherweight
