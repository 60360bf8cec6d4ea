// The `graph` section: parsed from CBOR, then checked as a whole.
#pragma once

#include "reader/cbor.h"
#include "featherweight/reader.h"

namespace featherweight {

// A name: 1 to 255 bytes of UTF-8 without control characters.
std::string read_name(CborReader& cbor);

DType read_dtype(CborReader& cbor);

// The entry of one tensor; its blocks have no data yet (see sections.cc).
Tensor read_tensor(CborReader& cbor);

// The whole section. Names are distinct and every node reads only what stands before it.
Graph read_graph(CborReader& cbor);

}  // namespace featherweight
