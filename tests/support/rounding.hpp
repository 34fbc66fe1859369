#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace darts::testing {

/// The unit roundoff of a floating-point type: half the distance from 1 to the next larger value.
template <class T>
double unit_roundoff() {
  return std::ldexp(1.0, -std::numeric_limits<T>::digits);
}

/// What rounding in T may take from sums of `terms` products, in parts of the largest of them.
/// Where a sum's terms are sums themselves, their numbers of terms are added up.
///
/// Errors that have nothing to do with each other grow as the root of their number: λ · √terms · u
/// (Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019). The kernels'
/// sums of random values are off by √terms · u, by 5 √terms · u where terms cancel.
template <class T>
double rounding_bound(std::int64_t terms) {
  constexpr double lambda = 8.0;
  return lambda * std::sqrt(static_cast<double>(terms)) * unit_roundoff<T>();
}

}  // namespace darts::testing
