#include "runtime/break_even.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "featherweight/error.h"

namespace featherweight::runtime {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

double* entry_of(BreakEven& table, const std::string& name) {
  if (name == "csr_vector") return &table.csr_vector;
  if (name == "csr_columns") return &table.csr_columns;
  if (name == "blocks_vector") return &table.blocks_vector;
  if (name == "blocks_columns") return &table.blocks_columns;
  if (name == "slots_vector") return &table.slots_vector;
  if (name == "codebook_vector") return &table.codebook_vector;
  if (name == "codebook_columns") return &table.codebook_columns;
  return nullptr;
}

void read_line(BreakEven& table, const std::string& path, const std::string& line) {
  constexpr const char* kSpace = " \t\r\n";
  const std::string text = line.substr(0, line.find('#'));
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return;
  const std::size_t end = text.find_first_of(kSpace, begin);
  double* const entry = entry_of(table, text.substr(begin, end - begin));
  const char* const number = end == std::string::npos ? "" : text.c_str() + end;
  char* rest = nullptr;
  const double density = std::strtod(number, &rest);
  const bool is_alone = rest != number && std::string(rest).find_first_not_of(kSpace) == std::string::npos;
  if (entry == nullptr || !is_alone || !(density >= 0.0 && density <= 1.0)) {
    throw MalformedData(path + ": '" + text.substr(begin, 80) + "' must be the name of a format and a density from 0 to 1.");
  }
  *entry = density;
}

}  // namespace

BreakEven BreakEven::read(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "r"));
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  BreakEven table;
  table.is_measured = true;
  char line[256];
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    std::string text = line;
    if (!text.empty() && text.back() == '\n') text.pop_back();
    read_line(table, path, text);
  }
  if (std::ferror(file.get())) throw std::system_error(errno, std::generic_category(), path);
  return table;
}

}  // namespace featherweight::runtime
