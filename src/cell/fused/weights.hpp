#pragma once

#include "pass.hpp"

namespace darts::fused {

/// Brings all weights from the parameters' order into the kernels'.
template <class T, class S>
void pack_weights(CellPass<T, S>& pass);

/// Sums of weight gradients while the units that leave a state are run backward: each group of
/// images has its own.
template <class T, class S>
class WeightSums {
 public:
  /// Nothing is summed up where the gradients of weights are not wanted.
  WeightSums(const CellPass<T, S>& pass, const std::vector<const Edge*>& edges, bool wanted);

  /// Where to add the gradients of a unit's depthwise and pointwise weights; null: nowhere.
  T* depthwise(std::size_t unit, const Group& group) const;
  T* pointwise(std::size_t unit, const Group& group) const;

  /// Adds the groups' sums up, in order, and stores them in the parameters' order: as
  /// CellPlan::weights.
  void take(std::vector<at::Tensor>& gradients) const;

 private:
  std::int64_t size_of(std::size_t unit) const;
  std::vector<T> total(std::size_t unit) const;
  void take_unit(std::size_t unit, const std::vector<at::Tensor>& gradients) const;

  const CellPass<T, S>& pass_;
  std::vector<std::size_t> units_;
  std::vector<std::int64_t> places_;  ///< by unit
  at::Tensor sums_;                   ///< groups × all units' weights
};

}  // namespace darts::fused
