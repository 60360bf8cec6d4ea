// In which order a panel's steps of depth are added where products of bytes are added in 16 bits (AVX2).
//
// vpmaddubsw adds the products of two channels with their weights in 16 bits. What activations of 0 ... `top` can make
// of them is known from the weights: it fits if the positive ones among them add up to at most 32767 / top, and the
// negative ones to no more. Sums are exact in every order, so the order can be one without branches.
#pragma once

#include <cstdint>

namespace featherweight::kernels {

// A panel's steps, in their order: pairs that fit 16 bits together, steps that fit alone, and the rest.
struct Steps {
  int pairs, singles;
};

// `panel`: [depth][rows][4 channels], at most 4 rows and 65,536 steps, which are put into the order; order[i] is
// where the i-th of them was.
Steps order_steps(std::int8_t* panel, int depth, int rows, int top, std::uint16_t* order);

}  // namespace featherweight::kernels
