// Adaptive models of masks and of codes, mixed and range-coded bit by bit: no table is stored.
//
// Layout. No symbols: no bytes. Otherwise a period w as a varint (bit_stream.h), then, to the end
// of the block, one number of the range coder (range_coder.h) without its zero bytes at the end.
//
// Each bit is coded with a probability mixed by a Mixer (mixing.h) from logits. The first input is
// the logit of the bits counted in the most general context (prior 1/2, strength 1); every other
// input is what its own context says beyond that: its logit, with the first one's probability as
// prior (strength 2), minus the first. Then all counts of these contexts grow by the bit.
//
// Elements lie in a matrix with rows of `columns`, coded row by row. In the first layer of a
// network that sees pictures, the rows are small pictures too, and w finds the pixel above. The
// encoder tries none (0), and the distances at which elements of a row agree most (period.h), on
// the first rows of a mask with at most 2^18 bits (one row at least) or the first 2^16 codes, and
// takes the period with fewest bytes (of equals the first tried). w < columns; with w = 0, what is
// w away does not exist. Outside of the matrix all is 0.
//
// Masks. Contexts of a bit, with the first weight of each input:
//   1    all bits so far
//   0.6  the bits of this column so far
//   0.6  the bits of this row so far
//   0.3  the bits of the columns left and right of it so far, together
//   0.3  the bits of the columns w to the left and to the right so far, together (w = 0: input 0)
//   0.3  three neighbours: 1 and 2 to the left, 1 above
//   0.3  six neighbours to the left: by 1, 2, w - 1, w, w + 1, 2 w (w = 0: input 0)
//
// Codes of b bits, from the highest bit on; the positions are known. Contexts of a bit, each beside
// the bits already coded of this symbol; the level of a code is its highest 4 bits (b <= 4: all):
//   1    nothing else
//   0.1  the levels, or "none", of two neighbours to the left: by 1 and by w
//   0.1  the average level of neighbours to the left, weighed: by 1 (2), 2 (1), w (2), w + 1 (1),
//        w - 1 (1), 2 w (1), in half levels rounded down; and their weights' sum: 0, 1 to 2, more
//   0.1  how many of ten neighbours are kept: by 1, 2, w - 1, w, w + 1 to the left and to the
//        right; and how full the column is: floor(32 kept / rows), at most 7, where the rows end
//        with the last element's
#pragma once

#include "featherweight/coders.h"
