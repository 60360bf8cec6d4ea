#include "runtime/break_even.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "featherweight/error.h"

namespace featherweight::runtime {

BreakEven BreakEven::read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  BreakEven table;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name;
    if (!(words >> name)) continue;
    double* const entry = name == "csr_vector"       ? &table.csr_vector
                          : name == "csr_columns"    ? &table.csr_columns
                          : name == "blocks_vector"  ? &table.blocks_vector
                          : name == "blocks_columns" ? &table.blocks_columns
                                                     : nullptr;
    if (entry == nullptr || !(words >> *entry) || *entry < 0.0 || *entry > 1.0) {
      throw MalformedData(path + ": '" + line + "' must be the name of a format and a density from 0 to 1.");
    }
  }
  return table;
}

}  // namespace featherweight::runtime
