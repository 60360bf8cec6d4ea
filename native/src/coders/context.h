// Adaptive models of masks and of codes, mixed and range-coded bit by bit: no table is stored.
//
// Layout. A mask starts with its period as a varint (bit_stream.h); codes have no header. The rest,
// to the end of the block, is one number of the range coder (range_coder.h), without its zero bytes
// at the end. What follows from the count alone is not stored: no symbols, no bytes.
//
// Each bit is coded with a probability mixed by a Mixer (mixing.h) from logits. The first input is
// the logit of the most general context; each other input is what its context says beyond that: its
// logit, with the first one's probability as prior, minus the first. The counts of every context
// grow by each coded bit.
//
// Codes of b bits: from the highest bit on, in contexts of the bits already coded of this symbol
//   (first) alone (prior 1/2, strength 1); with the symbol before; with the one before that
//   (strength 2; symbol 0 before the first). First weights: 1, 0.1, 0.1.
//
// Masks of `columns` columns, row by row, with period w (0: none; below `columns`):
//   (first) all bits so far (prior 1/2, strength 1);
//   this column so far; this row so far;
//   the columns left and right of it so far, together;
//   the columns w to the left and to the right so far, together;
//   three neighbours: 1 and 2 to the left, 1 above;
//   six neighbours to the left: by 1, 2, w - 1, w, w + 1, 2 w (strength 2 everywhere).
//   First weights: 1, 0.6, 0.6, 0.3, 0.3, 0.3, 0.3. Outside of the mask all is 0. Without a period,
//   the inputs with w are 0.
//
// In the first layer of a network that sees pictures, w finds the pixel above: the rows of its mask
// are small pictures too. The encoder tries none, and the distances at which ones of a row come
// most often, on the first 2^18 bits, and takes the period with fewest bytes.
#pragma once

#include "featherweight/coders.h"
