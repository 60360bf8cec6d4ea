// From coded blocks to elements. Gaps become positions without a branch on the escape symbol:
// it is hard to predict (at 4 % density and 5 bits, every fourth symbol is one).
#include <algorithm>
#include <cstring>
#include <memory>

#include "reader/fail.h"
#include "featherweight/coders.h"
#include "featherweight/reader.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "plain values are copied as they are stored: little-endian"
#endif

namespace featherweight {
namespace {

using Symbols = std::unique_ptr<std::uint8_t[]>;

constexpr std::uint64_t kMaxColumns = 65536;

// Elements of one row, a row being all that shares the first index.
std::uint64_t columns_of(const Tensor& tensor) {
  return tensor.elements == 0 || tensor.shape.empty() ? 1 : tensor.elements / tensor.shape[0];
}

// The context coder's memory grows with the columns: the format bounds them.
std::uint64_t context_columns(const Tensor& tensor) {
  return std::min(columns_of(tensor), kMaxColumns);
}

// `positions` are those of the codes of a sparse tensor, for the context coder.
void decode_symbols(const Tensor& tensor, const Block& block, std::uint8_t* out,
                    const std::int64_t* positions) {
  const std::size_t count = block.symbols, size = block.bytes;
  switch (block.coder) {
    case Coder::packed: return packed_decode(block.data, size, out, count, block.width);
    case Coder::huffman: return huffman_decode(block.data, size, out, count);
    case Coder::rans: return rans_decode(block.data, size, out, count);
    case Coder::context:
      if (block.role == Role::positions) {
        return context_decode_mask(block.data, size, out, count, context_columns(tensor));
      }
      return context_decode_codes(block.data, size, out, count, block.width,
                                  context_columns(tensor), positions);
    case Coder::raw: break;
  }
  fail("a block of plain values has no symbols.");
}

// Names the tensor and the block in what a coder says.
void decode_named(const Tensor& tensor, const Block& block, std::uint8_t* out,
                  const std::int64_t* positions = nullptr) {
  try {
    decode_symbols(tensor, block, out, positions);
  } catch (const MalformedData& error) {
    fail("tensor '%s': block %s (%s): %s.", tensor.name.c_str(), name_of(block.role),
         name_of(block.coder), error.what());
  }
}

Symbols decode_positions_block(const Tensor& tensor) {
  const Block& block = *tensor.find(Role::positions);
  Symbols symbols(new std::uint8_t[block.symbols]);
  decode_named(tensor, block, symbols.get());
  return symbols;
}

[[noreturn]] void refuse_positions(const Tensor& tensor) {
  fail("tensor '%s': its positions do not lead to exactly %llu kept elements out of %llu.",
       tensor.name.c_str(), static_cast<Llu>(tensor.kept()), static_cast<Llu>(tensor.elements));
}

// Calls visit(j, position, is_kept) for each symbol: position is where the j-th kept element lies,
// or for an escape (is_kept false) where it lies at the earliest.
template <typename Visit>
void walk_gaps(const Tensor& tensor, const Block& block, const std::uint8_t* gaps, Visit visit) {
  const std::uint64_t count = block.symbols, elements = tensor.elements;
  const unsigned escape = (1u << block.width) - 1;
  const auto escapes = static_cast<std::uint64_t>(
      std::count(gaps, gaps + count, static_cast<std::uint8_t>(escape)));
  if (count - escapes != tensor.kept() || (count > 0 && gaps[count - 1] >= escape)) {
    refuse_positions(tensor);
  }
  std::uint64_t cursor = 0, kept = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const unsigned gap = gaps[i];
    const std::uint64_t position = cursor + gap;
    const bool is_kept = gap != escape;
    if (gap > escape || position >= elements) refuse_positions(tensor);
    visit(kept, position, is_kept);
    kept += is_kept;
    cursor = position + is_kept;
  }
}

template <typename Visit>
void walk_mask(const Tensor& tensor, const std::uint8_t* mask, Visit visit) {
  const std::uint64_t elements = tensor.elements;
  const auto kept_in_all = static_cast<std::uint64_t>(
      elements - std::count(mask, mask + elements, std::uint8_t{0}));
  if (kept_in_all != tensor.kept()) refuse_positions(tensor);
  std::uint64_t kept = 0;
  for (std::uint64_t i = 0; i < elements; ++i) {
    if (mask[i] != 0) visit(kept++, i, true);
  }
}

template <typename Visit>
void walk_positions(const Tensor& tensor, Visit visit) {
  const Block& block = *tensor.find(Role::positions);
  const Symbols symbols = decode_positions_block(tensor);
  if (block.coder == Coder::context) walk_mask(tensor, symbols.get(), visit);
  else walk_gaps(tensor, block, symbols.get(), visit);
}

// Word is an unsigned integer as wide as an element: elements are only moved.
template <typename Word>
Word load(const std::uint8_t* values, std::uint64_t index) {
  Word word;
  std::memcpy(&word, values + index * sizeof(Word), sizeof(Word));
  return word;
}

template <typename Word>
void load_codebook(const Tensor& tensor, Word (&codebook)[256]) {
  const Block& block = *tensor.find(Role::codebook);
  std::memcpy(codebook, block.data, block.bytes);
}

bool needs_positions(const Tensor& tensor) {
  const Block* codes = tensor.find(Role::codes);
  return tensor.format == Format::sparse_shared && codes->coder == Coder::context;
}

// The slow coder: positions first, since its codes depend on them.
template <typename Word>
void decode_after_positions(const Tensor& tensor, const Word (&codebook)[256], Word* out) {
  const std::uint64_t kept = tensor.kept();
  const std::unique_ptr<std::int64_t[]> positions(new std::int64_t[kept]);
  const Symbols codes(new std::uint8_t[kept]);
  decode_positions(tensor, positions.get());
  decode_codes(tensor, codes.get(), positions.get());
  for (std::uint64_t j = 0; j < kept; ++j) out[positions[j]] = codebook[codes[j]];
}

template <typename Word>
void decode_shared(const Tensor& tensor, Word* out) {
  Word codebook[256] = {};
  load_codebook(tensor, codebook);
  if (needs_positions(tensor)) return decode_after_positions(tensor, codebook, out);
  const Symbols codes(new std::uint8_t[tensor.kept()]);
  decode_codes(tensor, codes.get());
  const std::uint8_t* const code = codes.get();
  if (tensor.format == Format::shared) {
    for (std::uint64_t i = 0; i < tensor.elements; ++i) out[i] = codebook[code[i]];
    return;
  }
  walk_positions(tensor, [=, &codebook](std::uint64_t j, std::uint64_t position, bool is_kept) {
    out[position] = is_kept ? codebook[code[j]] : Word{0};
  });
}

template <typename Word>
void decode_dense_as(const Tensor& tensor, Word* out) {
  if (tensor.find(Role::codes) != nullptr) return decode_shared(tensor, out);
  const std::uint8_t* const values = tensor.find(Role::values)->data;
  walk_positions(tensor, [=](std::uint64_t j, std::uint64_t position, bool is_kept) {
    out[position] = is_kept ? load<Word>(values, j) : Word{0};
  });
}

}  // namespace

void decode_codes(const Tensor& tensor, std::uint8_t* out, const std::int64_t* positions) {
  const Block& block = *tensor.find(Role::codes);
  std::unique_ptr<std::int64_t[]> decoded;
  if (needs_positions(tensor) && positions == nullptr) {
    decoded.reset(new std::int64_t[tensor.kept()]);
    decode_positions(tensor, decoded.get());
    positions = decoded.get();
  }
  decode_named(tensor, block, out, positions);
  unsigned largest = 0;
  for (std::uint64_t i = 0; i < block.symbols; ++i) largest = std::max<unsigned>(largest, out[i]);
  if (block.symbols > 0 && largest >= tensor.find(Role::codebook)->symbols) {
    fail("tensor '%s': code %u is outside its codebook of %llu entries.", tensor.name.c_str(),
         largest, static_cast<Llu>(tensor.find(Role::codebook)->symbols));
  }
}

void decode_dense(const Tensor& tensor, void* out, bool out_is_zero) {
  const std::size_t size = size_of(tensor.dtype);
  if (tensor.format == Format::raw) {
    const Block& block = tensor.blocks.front();
    if (block.bytes > 0) std::memcpy(out, block.data, block.bytes);
    return;
  }
  if (tensor.format != Format::shared && !out_is_zero) std::memset(out, 0, tensor.elements * size);
  switch (size) {
    case 1: return decode_dense_as(tensor, static_cast<std::uint8_t*>(out));
    case 2: return decode_dense_as(tensor, static_cast<std::uint16_t*>(out));
    case 4: return decode_dense_as(tensor, static_cast<std::uint32_t*>(out));
    default: return decode_dense_as(tensor, static_cast<std::uint64_t*>(out));
  }
}

void decode_positions(const Tensor& tensor, std::int64_t* out) {
  walk_positions(tensor, [=](std::uint64_t j, std::uint64_t position, bool) {
    out[j] = static_cast<std::int64_t>(position);
  });
}

void decode_rows(const Tensor& tensor, std::uint32_t* row_start, std::uint16_t* columns) {
  const std::uint64_t width = columns_of(tensor);
  const std::uint64_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
  if (tensor.find(Role::positions) == nullptr || width > kMaxColumns || tensor.kept() > UINT32_MAX) {
    throw std::invalid_argument("tensor '" + tensor.name + "' must be sparse with at most 65536 columns, " +
                                "but it is " + name_of(tensor.format) + " with " +
                                std::to_string(width));
  }
  std::uint64_t row = 0, row_begin = 0;
  row_start[0] = 0;
  walk_positions(tensor, [&, width, row_start, columns](std::uint64_t j, std::uint64_t position, bool) {
    while (position - row_begin >= width) {
      row_begin += width;
      row_start[++row] = static_cast<std::uint32_t>(j);
    }
    columns[j] = static_cast<std::uint16_t>(position - row_begin);
  });
  while (row < rows) row_start[++row] = static_cast<std::uint32_t>(tensor.kept());
}

}  // namespace featherweight
