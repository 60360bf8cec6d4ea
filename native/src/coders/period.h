// Where the rows of a matrix repeat themselves, as pictures stored row by row do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace featherweight {

// Up to four distances, from 3 to 256, at which the kept elements of one row agree more than at the
// distances beside it; the best first. Element j lies at positions[j], ascending, in rows of
// `columns`. Two agree by the product of their values; without values, each pair by one.
std::vector<std::size_t> likely_periods(const std::vector<std::int64_t>& positions,
                                        const std::vector<std::int32_t>& values,
                                        std::size_t columns);

}  // namespace featherweight
