// One-dimensional k-means: Lloyd's iteration from a given start, and the exact optimum.
//
// Up to 65,535 values, both work on the sorted values. Beyond, they work on a histogram: values
// that share the upper 20 bits of their float (sign, exponent, 11 bits of mantissa) are one bin with
// a count and a mean. A bin is at most 1/2048 of its value wide whatever the range, so that an
// outlier costs no precision; 10 million Gaussian values fill some 60,000 of them. Where a boundary
// between two clusters cuts a bin, each gets its share, or the iteration would stop too early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace featherweight {

constexpr std::size_t kMaxClusters = 256;

// Lloyd's iteration (S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on
// Information Theory 28(2), 1982) from the `k` (1 to 256) values in `centroids`, until no centroid
// moves by more than 1e-12 of itself, or for `max_iterations`. Then every value gets the code of
// the centroid nearest to it (in the middle: the upper one), and `centroids` the means of the
// values with each code, in ascending order. An empty cluster keeps its centroid. The histogram
// only guides the iteration: the codes and the means are those of the values themselves.
//
// Throws std::invalid_argument if a value or a centroid is not finite, or k is out of range.
void kmeans_1d(const float* values, std::size_t count, float* centroids, std::size_t k,
               int max_iterations, std::uint8_t* codes);

// The ascending centroids with the least sum of squared distances to `values`, by dynamic
// programming; `k` (1 to 256) of them, or as many as there are points if they are fewer. Exact up
// to 65,535 values, else exact over the histogram.
//
// Throws std::invalid_argument if a value is not finite, or k is out of range.
std::vector<float> kmeans_1d_optimal(const float* values, std::size_t count, std::size_t k);

}  // namespace featherweight
