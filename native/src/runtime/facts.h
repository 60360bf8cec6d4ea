// What a file's metadata says that a program on the device needs: names of classes, preprocessing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "featherweight/reader.h"

namespace featherweight::runtime {

struct Facts {
  std::vector<std::string> class_names;
  // By channel, of pixel values in [0, 1]: the network sees (pixel - mean) / deviation.
  std::vector<float> mean, deviation;
  // The execution format that a tensor's writer found best: {"fc6.weight": "csr"}.
  std::map<std::string, std::string> layouts;
};

// What is not there, or not of this form, stays empty: metadata is free-form.
// Throws MalformedData where the section is not CBOR.
Facts read_facts(const File& file);

}  // namespace featherweight::runtime
