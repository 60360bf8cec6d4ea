#include "runtime/facts.h"

#include "reader/cbor.h"

namespace featherweight::runtime {
namespace {

using Kind = CborReader::Kind;

std::vector<std::string> read_names(CborReader& cbor) {
  std::vector<std::string> names;
  if (cbor.peek() != Kind::array) {
    cbor.skip(1);
    return names;
  }
  const std::size_t count = cbor.array();
  bool is_text = true;
  for (std::size_t i = 0; i < count; ++i) {
    if (cbor.peek() == Kind::text) names.emplace_back(cbor.text());
    else {
      is_text = false;
      cbor.skip(2);
    }
  }
  if (!is_text) names.clear();
  return names;
}

std::vector<float> read_numbers(CborReader& cbor) {
  std::vector<float> numbers;
  if (cbor.peek() != Kind::array) {
    cbor.skip(2);
    return numbers;
  }
  const std::size_t count = cbor.array();
  bool is_number = true;
  for (std::size_t i = 0; i < count; ++i) {
    if (cbor.peek() == Kind::real) numbers.push_back(static_cast<float>(cbor.real()));
    else if (cbor.peek() == Kind::integer) numbers.push_back(static_cast<float>(cbor.integer()));
    else {
      is_number = false;
      cbor.skip(3);
    }
  }
  if (!is_number) numbers.clear();
  return numbers;
}

void read_preprocessing(CborReader& cbor, Facts& facts) {
  if (cbor.peek() != Kind::map) return cbor.skip(1);
  const std::size_t pairs = cbor.map();
  std::string_view key;
  for (std::size_t i = 0; i < pairs; ++i) {
    key = cbor.key(key, i == 0);
    if (key == "mean") facts.mean = read_numbers(cbor);
    else if (key == "std") facts.deviation = read_numbers(cbor);
    else cbor.skip(2);
  }
}

void read_layouts(CborReader& cbor, Facts& facts) {
  if (cbor.peek() != Kind::map) return cbor.skip(1);
  const std::size_t pairs = cbor.map();
  std::string_view key;
  for (std::size_t i = 0; i < pairs; ++i) {
    key = cbor.key(key, i == 0);
    if (cbor.peek() == Kind::text) facts.layouts.emplace(key, cbor.text());
    else cbor.skip(2);
  }
}

}  // namespace

Facts read_facts(const File& file) {
  Facts facts;
  const Section* const section = file.metadata();
  if (section == nullptr) return facts;
  CborReader cbor(file.data() + section->offset, section->length, "metadata");
  if (cbor.peek() != Kind::map) return facts;
  const std::size_t pairs = cbor.map();
  std::string_view key;
  for (std::size_t i = 0; i < pairs; ++i) {
    key = cbor.key(key, i == 0);
    if (key == "class_names") facts.class_names = read_names(cbor);
    else if (key == "layout") read_layouts(cbor, facts);
    else if (key == "preprocessing") read_preprocessing(cbor, facts);
    else cbor.skip(1);
  }
  if (facts.mean.size() != facts.deviation.size()) facts.mean.clear(), facts.deviation.clear();
  return facts;
}

}  // namespace featherweight::runtime
