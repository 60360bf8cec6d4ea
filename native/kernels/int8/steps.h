// In which order and how a panel's steps of depth are added where products of bytes are added in 16 bits (AVX2).
//
// vpmaddubsw adds the products of two channels with their weights in 16 bits. What activations of 0 ... `top` can make
// of them is known from the weights: it fits if the positive ones among them add up to at most 32767 / top, and the
// negative ones to no more. Of a step that does not fit, activations are centred: w * x = |w| * (x - 128) + 128 * w for
// w >= 0, and |w| * (127 - x) + 127 * w else, where both brackets are -128 ... 127, so that magnitudes may add up to
// 256. Sums are exact in every order, so the order can be one without branches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace featherweight::kernels {

// A panel's steps, in their order: fours and pairs that fit 16 bits together, steps that fit alone; then such pairs and
// steps with centred activations.
struct Steps {
  int fours, pairs, singles, centred_pairs, centred_singles;
  std::ptrdiff_t begin;    // of the panel's weights among all, in bytes
  std::int32_t missing[4];  // what centring takes from the sum of a row: 128 * w or 127 * w of its weights
};

// `panel`: [depth][rows][4 channels], at most 4 rows and 65,536 steps. order[i] is where the i-th step was. Its weights
// are appended to `packed`: as they are, [rows][4]; of a centred step two such arrays, the magnitudes and, to be
// xored with activations, 0x80 for w >= 0 and 0x7f else (as bytes with a sign: x - 128 and 127 - x).
Steps order_steps(const std::int8_t* panel, int depth, int rows, int top, std::uint16_t* order,
                  std::vector<std::int8_t>* packed);

}  // namespace featherweight::kernels
