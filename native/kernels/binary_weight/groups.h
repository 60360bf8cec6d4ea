// Four rows of X make a group: a weight row adds or subtracts each, which is one of 16 sums.
//
// Sum v is (+-x0 +- x1) + (+-x2 +- x3), bit k of v telling whether xk is subtracted. Every instruction
// set adds in this order, and the groups one after the other, so that all give the same bits.
#pragma once

namespace featherweight::kernels {
namespace {

constexpr int kGroup = 4, kSums = 16, kGroupsOfWord = 8, kPanel = 16;

}  // namespace
}  // namespace featherweight::kernels
