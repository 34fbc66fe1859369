#pragma once

#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

namespace darts {

/// The largest rate, decay, norm or scale that a setting of an optimizer may have: float32, which
/// the steps are taken in, holds it and what it is multiplied by.
constexpr double most_of_a_step = 1e30;

/// Throws Error, which names both keys, where a schedule from the first learning rate to the least
/// one would rise.
inline void check_schedule_falls(double learning_rate, double learning_rate_min) {
  if (learning_rate_min > learning_rate) {
    throw Error("w.learning_rate_min: " + format_shortest(learning_rate_min) +
                " is above w.learning_rate, " + format_shortest(learning_rate) +
                ", so that the rate would rise; lower it");
  }
}

}  // namespace darts
