// Inputs that need no library: .npy arrays, and PPM or PGM pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// An array in C order, as float32.
struct Array {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

// 8-bit pixels [height][width][channels].
struct Picture {
  std::int64_t height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
};

// Both throw std::runtime_error with one sentence.
Array read_npy(const std::string& path);
Picture read_pnm(const std::string& path);

// Turned to gray or colour if need be, resized until it covers height x width (bilinear, antialiased) and cut
// to its centre, then (pixel / 255 - mean) / deviation: float32 [channels][height][width].
std::vector<float> prepare(const Picture& picture, std::int64_t channels, std::int64_t height, std::int64_t width,
                           const float* mean, const float* deviation);
