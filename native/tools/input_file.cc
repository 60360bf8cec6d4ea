#include "input_file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string contents(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  std::string data;
  char part[4096];
  while (file) {
    const std::size_t count = std::fread(part, 1, sizeof part, file.get());
    data.append(part, count);
    if (count < sizeof part) break;
  }
  if (!file || std::ferror(file.get())) throw std::runtime_error(path + " cannot be read.");
  return data;
}

template <typename T>
std::vector<float> as_floats(const char* data, std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(value);
  }
  return values;
}

// The text after `'key': ` in the header of an .npy file, which is a Python dictionary.
std::string entry(const std::string& header, const char* key) {
  const std::size_t at = header.find(std::string("'") + key + "':");
  if (at == std::string::npos) throw std::runtime_error(std::string("the .npy header has no '") + key + "'.");
  return header.substr(header.find_first_not_of(' ', at + std::strlen(key) + 3));
}

std::vector<std::int64_t> shape_of(const std::string& header) {
  const std::string text = entry(header, "shape");
  std::vector<std::int64_t> shape;
  const char* cursor = text.c_str() + 1;
  while (*cursor != ')' && *cursor != '\0') {
    char* end = nullptr;
    const long long size = std::strtoll(cursor, &end, 10);
    if (end == cursor) ++cursor;
    else {
      shape.push_back(size);
      cursor = end;
    }
  }
  return shape;
}

// The next number of a PNM header; '#' begins a comment.
std::int64_t header_number(const std::string& data, std::size_t& at) {
  while (at < data.size() && (std::isspace(static_cast<unsigned char>(data[at])) || data[at] == '#')) {
    if (data[at] == '#') while (at < data.size() && data[at] != '\n') ++at;
    else ++at;
  }
  std::int64_t value = 0;
  for (; at < data.size() && std::isdigit(static_cast<unsigned char>(data[at])) && value < 100000; ++at) {
    value = 10 * value + (data[at] - '0');
  }
  return value;
}

// How much each of `in` samples adds to one of `out` samples that cover [begin, begin + span) of them: a
// triangle as wide as a sample of the smaller side.
struct Taps {
  std::int64_t first;
  std::vector<float> weights;
};

std::vector<Taps> triangle(std::int64_t in, std::int64_t out, double begin, double span) {
  const double step = span / static_cast<double>(out), reach = std::max(step, 1.0);
  std::vector<Taps> all;
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = begin + (static_cast<double>(i) + 0.5) * step;
    const std::int64_t first = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - reach + 0.5));
    const std::int64_t last = std::min(in, static_cast<std::int64_t>(centre + reach + 0.5));
    Taps taps{first, {}};
    double sum = 0.0;
    for (std::int64_t k = first; k < last; ++k) {
      const double weight = std::max(0.0, 1.0 - std::abs((static_cast<double>(k) + 0.5 - centre) / reach));
      taps.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : taps.weights) weight = static_cast<float>(weight / sum);
    all.push_back(std::move(taps));
  }
  return all;
}

// Gray or colour, as floats 0 ... 255, [channels][height][width].
std::vector<float> planes(const Picture& p, std::int64_t channels) {
  const std::int64_t size = p.height * p.width;
  std::vector<float> out(static_cast<std::size_t>(channels * size));
  for (std::int64_t i = 0; i < size; ++i) {
    const std::uint8_t* const pixel = p.pixels.data() + i * p.channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      float value = p.channels == 1 ? pixel[0] : pixel[std::min<std::int64_t>(c, 2)];
      // ITU-R 601, as Pillow.
      if (channels == 1 && p.channels == 3) value = std::floor((pixel[0] * 299 + pixel[1] * 587 + pixel[2] * 114) / 1000.0f);
      out[static_cast<std::size_t>(c * size + i)] = value;
    }
  }
  return out;
}

}  // namespace

Array read_npy(const std::string& path) {
  const std::string data = contents(path);
  if (data.size() < 12 || data.compare(0, 6, "\x93NUMPY") != 0) throw std::runtime_error(path + " is not an .npy file.");
  const bool is_long = data[6] >= 2;
  std::uint32_t length = static_cast<unsigned char>(data[8]) | static_cast<unsigned char>(data[9]) << 8;
  if (is_long) length |= static_cast<std::uint32_t>(static_cast<unsigned char>(data[10])) << 16 | static_cast<std::uint32_t>(static_cast<unsigned char>(data[11])) << 24;
  const std::size_t begin = (is_long ? 12 : 10) + static_cast<std::size_t>(length);
  if (begin > data.size()) throw std::runtime_error(path + " is cut off.");
  const std::string header = data.substr(is_long ? 12 : 10, length), type = entry(header, "descr").substr(1, 3);
  if (entry(header, "fortran_order").compare(0, 5, "False") != 0) throw std::runtime_error(path + " must be in C order.");
  Array array;
  array.shape = shape_of(header);
  std::size_t count = 1;
  for (const std::int64_t size : array.shape) {
    if (size < 0 || (size > 0 && count > data.size() / static_cast<std::size_t>(size))) throw std::runtime_error(path + " is cut off.");
    count *= static_cast<std::size_t>(size);
  }
  const std::size_t each = static_cast<std::size_t>(type.back() - '0');
  if (count * each != data.size() - begin) throw std::runtime_error(path + " does not hold as many elements as its shape says.");
  if (type == "<f4") array.values = as_floats<float>(data.data() + begin, count);
  else if (type == "<f8") array.values = as_floats<double>(data.data() + begin, count);
  else if (type == "|u1") array.values = as_floats<std::uint8_t>(data.data() + begin, count);
  else throw std::runtime_error(path + " must hold float32, float64 or uint8, but holds " + type + ".");
  return array;
}

Picture read_pnm(const std::string& path) {
  const std::string data = contents(path);
  const bool is_colour = data.compare(0, 2, "P6") == 0;
  if (!is_colour && data.compare(0, 2, "P5") != 0) {
    throw std::runtime_error(path + " must be a binary PPM or PGM picture (P6 or P5); featherweight run reads other formats.");
  }
  std::size_t at = 2;
  Picture picture;
  picture.width = header_number(data, at);
  picture.height = header_number(data, at);
  const std::int64_t most = header_number(data, at);
  picture.channels = is_colour ? 3 : 1;
  const auto size = static_cast<std::size_t>(picture.height * picture.width * picture.channels);
  if (most != 255 || size == 0 || picture.height > 65535 || picture.width > 65535) throw std::runtime_error(path + " must have 8 bits a channel and at most 65535 pixels a side.");
  if (data.size() < at + 1 + size) throw std::runtime_error(path + " is cut off.");
  picture.pixels.assign(data.begin() + static_cast<std::ptrdiff_t>(at + 1), data.begin() + static_cast<std::ptrdiff_t>(at + 1 + size));
  return picture;
}

std::vector<float> prepare(const Picture& p, std::int64_t channels, std::int64_t height, std::int64_t width,
                           const float* mean, const float* deviation) {
  const std::vector<float> in = planes(p, channels);
  // The part of the picture that has the target's shape, in the middle.
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  const double span_x = std::min<double>(static_cast<double>(p.width), static_cast<double>(p.height) * ratio);
  const double span_y = std::min<double>(static_cast<double>(p.height), static_cast<double>(p.width) / ratio);
  const auto across = triangle(p.width, width, (static_cast<double>(p.width) - span_x) / 2, span_x);
  const auto down = triangle(p.height, height, (static_cast<double>(p.height) - span_y) / 2, span_y);
  std::vector<float> lines(static_cast<std::size_t>(p.height * width)), out(static_cast<std::size_t>(channels * height * width));
  for (std::int64_t c = 0; c < channels; ++c) {
    const float* const plane = in.data() + c * p.height * p.width;
    for (std::int64_t y = 0; y < p.height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const Taps& taps = across[static_cast<std::size_t>(x)];
        float sum = 0.0f;
        for (std::size_t k = 0; k < taps.weights.size(); ++k) sum += taps.weights[k] * plane[y * p.width + taps.first + static_cast<std::int64_t>(k)];
        lines[static_cast<std::size_t>(y * width + x)] = sum;
      }
    }
    const float shift = mean ? mean[c] : 0.0f, scale = deviation ? deviation[c] : 1.0f;
    for (std::int64_t y = 0; y < height; ++y) {
      const Taps& taps = down[static_cast<std::size_t>(y)];
      for (std::int64_t x = 0; x < width; ++x) {
        float sum = 0.0f;
        for (std::size_t k = 0; k < taps.weights.size(); ++k) sum += taps.weights[k] * lines[static_cast<std::size_t>((taps.first + static_cast<std::int64_t>(k)) * width + x)];
        const float pixel = std::round(std::clamp(sum, 0.0f, 255.0f));
        out[static_cast<std::size_t>((c * height + y) * width + x)] = (pixel / 255.0f - shift) / scale;
      }
    }
  }
  return out;
}
