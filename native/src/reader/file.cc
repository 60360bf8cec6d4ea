// Header, section table, checksums; then each tensor's blocks get their place.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "reader/cbor.h"
#include "reader/fail.h"
#include "featherweight/crc32.h"
#include "featherweight/reader.h"
#include "reader/graph_section.h"
#include "little_endian.h"

namespace featherweight {
namespace {

constexpr std::uint8_t kMagic[8] = {0x89, 'F', 'W', 'T', '\r', '\n', 0x1A, '\n'};
constexpr std::uint16_t kMajor = 1;
constexpr std::size_t kHeaderBytes = 64, kEntryBytes = 32, kAlignment = 64;
constexpr std::uint32_t kMaxSections = 65536;
constexpr std::uint32_t kRequired = 1;
constexpr std::uint64_t kDecodedAlways = std::uint64_t{64} << 20, kDecodedRatio = 1024;

struct Header {
  Version version;
  std::uint32_t operator_set;
  std::uint32_t sections;
};

bool all_zero(const std::uint8_t* begin, const std::uint8_t* end) {
  return std::all_of(begin, end, [](std::uint8_t byte) { return byte == 0; });
}

Header read_header(const std::uint8_t* data, std::size_t size) {
  if (size < kHeaderBytes) fail("the file is shorter than the header of 64 bytes: it has %llu.",
                                static_cast<Llu>(size));
  if (std::memcmp(data, kMagic, sizeof(kMagic)) != 0) fail("this is not a .fwt file: its first bytes differ.");
  const Header header{{load_le16(data + 8), load_le16(data + 10)}, load_le32(data + 12),
                      load_le32(data + 24)};
  if (header.version.major != kMajor) {
    fail("the file has format version %d.%d, but this reader knows major version %d.",
         header.version.major, header.version.minor, kMajor);
  }
  if (crc32(data, 60) != load_le32(data + 60)) fail("the header does not match its checksum.");
  if (load_le64(data + 16) != size) {
    fail("the header says that the file has %llu bytes, but it has %llu.",
         static_cast<Llu>(load_le64(data + 16)), static_cast<Llu>(size));
  }
  if (!all_zero(data + 32, data + 60)) fail("the reserved bytes of the header must be zero.");
  if (header.operator_set == 0) fail("the operator set in the header must be at least 1.");
  if (header.sections > kMaxSections ||
      header.sections > (size - kHeaderBytes) / kEntryBytes) {
    fail("the header announces %u sections, more than the file has room for.", header.sections);
  }
  if (crc32(data + kHeaderBytes, header.sections * kEntryBytes) != load_le32(data + 28)) {
    fail("the section table does not match its checksum.");
  }
  return header;
}

void check_kind(const Section& section, unsigned index) {
  if ((section.flags & ~kRequired) != 0) {
    fail("section %u: unknown flags 0x%x are set.", index, section.flags);
  }
  const bool is_known = section.kind >= kGraph && section.kind <= kMetadata;
  const bool is_required = (section.flags & kRequired) != 0;
  if (!is_known && is_required) {
    fail("section %u: kind %u is required, but this reader does not know it.", index, section.kind);
  }
  if (is_known && is_required == (section.kind == kMetadata)) {
    fail("section %u: the flag `required` is wrong for kind %u.", index, section.kind);
  }
}

// One entry of the table. `end` is where the section before it ends.
Section read_section(const std::uint8_t* data, std::size_t size, unsigned index, std::uint64_t end) {
  const std::uint8_t* entry = data + kHeaderBytes + index * kEntryBytes;
  const Section section{load_le32(entry), load_le32(entry + 4), load_le64(entry + 8),
                        load_le64(entry + 16), load_le32(entry + 24)};
  if (load_le32(entry + 28) != 0) fail("section %u: the reserved bytes must be zero.", index);
  check_kind(section, index);
  const std::uint64_t start = (end + kAlignment - 1) / kAlignment * kAlignment;
  if (section.offset != start || start > size || section.length > size - start) {
    fail("section %u must start at byte %llu and end inside the file of %llu bytes, but it starts "
         "at %llu and has %llu bytes.", index, static_cast<Llu>(start), static_cast<Llu>(size),
         static_cast<Llu>(section.offset), static_cast<Llu>(section.length));
  }
  if (!all_zero(data + end, data + start)) fail("section %u: the gap before it must be zero bytes.", index);
  if (crc32(data + start, section.length) != section.crc) {
    fail("section %u does not match its checksum: the file was altered.", index);
  }
  return section;
}

const Section* find_only(const std::vector<Section>& sections, SectionKind kind, const char* name) {
  const Section* found = nullptr;
  for (const Section& section : sections) {
    if (section.kind != kind) continue;
    if (found != nullptr) fail("the file has more than one section %s.", name);
    found = &section;
  }
  return found;
}

// The blocks of a section's tensors lie back to back in the order of the graph and fill it.
void place_blocks(const std::uint8_t* data, const std::vector<Section>& sections, Graph& graph) {
  std::vector<std::uint64_t> used(sections.size(), 0);
  for (Tensor& tensor : graph.tensors) {
    if (tensor.section >= sections.size() || sections[tensor.section].kind != kTensors) {
      fail("tensor '%s': section %u holds no tensors.", tensor.name.c_str(), tensor.section);
    }
    const Section& section = sections[tensor.section];
    for (Block& block : tensor.blocks) {
      std::uint64_t& offset = used[tensor.section];
      if (block.bytes > section.length - offset) {
        fail("tensor '%s': block %s of %llu bytes goes past the end of section %u.",
             tensor.name.c_str(), name_of(block.role), static_cast<Llu>(block.bytes), tensor.section);
      }
      block.data = data + section.offset + offset;
      offset += block.bytes;
    }
  }
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].kind == kTensors && used[i] != sections[i].length) {
      fail("section %llu: %llu bytes belong to no tensor.", static_cast<Llu>(i),
           static_cast<Llu>(sections[i].length - used[i]));
    }
  }
}

void check_decoded_bytes(const Graph& graph, std::uint64_t limit) {
  std::uint64_t sum = 0;
  for (const Tensor& tensor : graph.tensors) {
    const std::uint64_t bytes = tensor.decoded_bytes();
    if (bytes > limit - sum) {
      fail("tensor '%s': the tensors decode to more than %llu bytes (`max_decoded_bytes`).",
           tensor.name.c_str(), static_cast<Llu>(limit));
    }
    sum += bytes;
  }
}

}  // namespace

File File::open(const std::string& path, Limit max_decoded_bytes) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), path);
  const std::shared_ptr<const void> closer(nullptr, [descriptor](const void*) { ::close(descriptor); });
  return map(descriptor, max_decoded_bytes);
}

File File::map(int descriptor, Limit max_decoded_bytes) {
  struct stat status;
  if (::fstat(descriptor, &status) != 0) throw std::system_error(errno, std::generic_category());
  const auto size = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  File file;
  if (size > 0) {
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) throw std::system_error(errno, std::generic_category());
    file.owner_ = std::shared_ptr<const void>(data, [size](const void* mapping) {
      ::munmap(const_cast<void*>(mapping), size);
    });
    file.data_ = static_cast<const std::uint8_t*>(data);
  }
  file.size_ = size;
  file.parse(max_decoded_bytes);
  return file;
}

File File::view(const std::uint8_t* data, std::size_t size, Limit max_decoded_bytes) {
  File file;
  file.data_ = data;
  file.size_ = size;
  file.parse(max_decoded_bytes);
  return file;
}

const Section* File::metadata() const { return find_only(sections_, kMetadata, "metadata"); }

void File::parse(Limit max_decoded_bytes) {
  const Header header = read_header(data_, size_);
  version_ = header.version;
  std::uint64_t end = kHeaderBytes + header.sections * kEntryBytes;
  for (unsigned i = 0; i < header.sections; ++i) {
    sections_.push_back(read_section(data_, size_, i, end));
    end = sections_.back().offset + sections_.back().length;
  }
  if (end != size_) {
    fail("%llu bytes follow the last section.", static_cast<Llu>(size_ - end));
  }
  const Section* graph = find_only(sections_, kGraph, "graph");
  if (graph == nullptr) fail("the file has no section graph.");
  CborReader graph_cbor(data_ + graph->offset, graph->length, "section graph");
  graph_ = read_graph(graph_cbor);
  graph_.operator_set = header.operator_set;
  place_blocks(data_, sections_, graph_);
  const std::uint64_t ratio = std::max<std::uint64_t>(kDecodedAlways, kDecodedRatio * size_);
  check_decoded_bytes(graph_, max_decoded_bytes.value_or(ratio));
  if (const Section* found = metadata()) {
    CborReader cbor(data_ + found->offset, found->length, "section metadata");
    if (cbor.peek() != CborReader::Kind::map) cbor.fail("a map is expected");
    cbor.skip();
    cbor.finish();
  }
}

}  // namespace featherweight
