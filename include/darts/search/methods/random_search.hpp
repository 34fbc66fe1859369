#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// Random search, the baseline of every other method (Li, Talwalkar 2019; Yang, Esperança, Carlucci
/// 2020): the seed draws a genotype, every choice of operations and of distinct predecessors being
/// equally likely where all edges offer as many. Nothing is trained.
class RandomSearch : public SearchMethod {
 public:
  /// N(0, 1) for every operation: the strongest ones are any of them.
  void initialize(const Theta& theta, std::uint64_t seed) const override;
  bool trains() const override { return false; }
};

}  // namespace darts
