// The golden files of tests/golden, read without Python; and a file that was altered.
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "check.h"
#include "featherweight/reader.h"

namespace fw = featherweight;
using Bytes = std::vector<std::uint8_t>;

namespace {

const std::string kGolden = FEATHERWEIGHT_GOLDEN;
const char* const kNames[] = {"all-formats",  "coder-auto",  "coder-context",
                              "coder-huffman", "coder-packed", "coder-rans",
                              "large-huffman", "large-rans",  "storage-only"};

Bytes load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK(file.good());
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// All elements of all tensors, in file order, decoded into memory that was not zero.
Bytes decode_all(const fw::File& file) {
  Bytes all;
  for (const fw::Tensor& tensor : file.graph().tensors) {
    Bytes dense(tensor.elements * fw::size_of(tensor.dtype), 0xAA);
    fw::decode_dense(tensor, dense.data());
    all.insert(all.end(), dense.begin(), dense.end());
  }
  return all;
}

void test_golden(const std::string& name) {
  const Bytes expected = load(kGolden + "/" + name + ".bin");
  const fw::File mapped = fw::File::open(kGolden + "/" + name + ".fwt");
  CHECK(mapped.version().major == 1);
  CHECK(decode_all(mapped) == expected);
  const Bytes bytes = load(kGolden + "/" + name + ".fwt");
  CHECK(decode_all(fw::File::view(bytes.data(), bytes.size())) == expected);
}

// Rows and positions say the same.
void test_rows() {
  const fw::File file = fw::File::open(kGolden + "/large-huffman.fwt");
  const fw::Tensor& tensor = file.graph().tensors.front();
  CHECK(tensor.format == fw::Format::sparse_shared && tensor.shape.size() == 2);
  std::vector<std::int64_t> positions(tensor.kept());
  std::vector<std::uint32_t> row_start(tensor.shape[0] + 1);
  std::vector<std::uint16_t> columns(tensor.kept());
  fw::decode_positions(tensor, positions.data());
  fw::decode_rows(tensor, row_start.data(), columns.data());
  CHECK(row_start.front() == 0 && row_start.back() == tensor.kept());
  for (std::size_t row = 0; row < tensor.shape[0]; ++row) {
    for (std::size_t j = row_start[row]; j < row_start[row + 1]; ++j) {
      CHECK(positions[j] == static_cast<std::int64_t>(row * tensor.shape[1] + columns[j]));
    }
  }
}

void test_altered() {
  Bytes bytes = load(kGolden + "/coder-rans.fwt");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK_THROWS(fw::File::view(bytes.data(), length), fw::MalformedData);
  }
  bytes[bytes.size() / 2] ^= 1;
  CHECK_THROWS(fw::File::view(bytes.data(), bytes.size()), fw::MalformedData);
}

}  // namespace

int main() {
  for (const char* name : kNames) test_golden(name);
  test_rows();
  test_altered();
  return 0;
}
