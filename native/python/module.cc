// featherweight._native: what Python sees of the native half. src/featherweight/_native.pyi types it.
#include "bindings.h"

NB_MODULE(_native, m) {
  m.doc() = "The native half of featherweight: coders, k-means, CRC-32, kernels, the reader of .fwt files.";
  bind_binary(m);
  bind_coders(m);
  bind_int8(m);
  bind_kernels(m);
  bind_kmeans(m);
  bind_reader(m);
  bind_session(m);
}
