#pragma once

#include <darts/search/method.hpp>

namespace darts {

/// Random search, the baseline of every other method (Li, Talwalkar 2019; Yang, Esperança, Carlucci
/// 2020): the seed draws a genotype. Every node's predecessors are drawn uniformly among those of
/// which any operation other than `none` is offered, then the operation of each among these.
/// Nothing is trained.
class RandomSearch : public SearchMethod {
 public:
  /// alpha of N(0, 1) for every operation, of which derive() makes the draws: the largest of an
  /// edge is any of its operations.
  void initialize(const Theta& theta, std::uint64_t seed, double scale) const override;
  bool trains() const override { return false; }
  Genotype derive(const Theta& theta, const SearchSpace& space) const override;
};

/// The genotype that a run of RandomSearch with this seed ends in.
Genotype draw_genotype(const SearchSpace& space, std::uint64_t seed);

}  // namespace darts
