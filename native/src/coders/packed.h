// Symbols of b bits, b from 1 to 8, back to back.
//
// Layout: symbol i holds the bits i*b to i*b + b - 1, counted from the least significant bit of the
// first byte (bit_stream.h). The last byte is filled with zero bits. Nothing else is stored.
#pragma once

#include "featherweight/coders.h"
