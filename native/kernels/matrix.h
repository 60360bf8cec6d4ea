// Weights in an execution format. Each format is one folder beside this file; its README.md gives the
// maths and the bounds, scalar.cc the specification, avx2.cc and avx512.cc what runs on x86.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "kernels/product.h"

namespace featherweight::kernels {

// How the elements of X are made from float32: as they are, four channels to an element, 32 to one.
enum class Elements : std::uint8_t { float32, int8x4, bits32 };

class Matrix {
 public:
  virtual ~Matrix();

  virtual const char* format() const = 0;  // "dense", "csr", ...
  virtual std::string detail() const { return ""; }  // of the format, where there are several of its name
  virtual std::size_t bytes() const = 0;   // resident in memory
  virtual Elements elements() const { return Elements::float32; }
  virtual int row_tile() const { return 1; }     // ranges of rows begin at multiples of it
  virtual int column_tile() const { return 1; }  // the same of columns
  // Whether `multiply` itself cuts what it reads to fit the caches; callers then cut for threads only.
  virtual bool suits_caches() const { return false; }
  // What a call may use as it likes; at least 64-byte aligned.
  virtual std::size_t scratch_bytes() const { return 0; }
  virtual std::size_t vector_scratch_bytes() const { return scratch_bytes(); }  // of multiply_vector

  // Whether both ways are there. A linear layer at batch 1 uses `multiply_vector`.
  virtual bool multiplies_columns() const { return true; }

  // The part of the product in `rows` x `columns`. Reads no column of X outside `columns`; writes
  // only wanted columns of Y. The result of an element does not depend on how the ranges are cut.
  virtual void multiply(const Product& product, Range rows, Range columns, void* scratch) const = 0;

  // y = W x, x in float32 (whatever `elements` are) and without gaps. `y` and the epilogue's pointers are those of row 0.
  virtual void multiply_vector(const float* x, float* y, const Epilogue& epilogue, Range rows,
                               void* scratch) const = 0;
};

}  // namespace featherweight::kernels
