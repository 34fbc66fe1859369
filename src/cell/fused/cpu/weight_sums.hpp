#pragma once

#include "images.hpp"

#include <darts/core/flat_weights.hpp>

namespace darts::fused::cpu {

/// Sums of the weight gradients of some units while they are run backward.
template <class T, class S>
class WeightSums {
 public:
  /// `gradients`: where they go, as CellPlan::weights; null: they are not wanted.
  WeightSums(const CpuPass<T, S>& pass, std::vector<const UnitPass*> units,
             std::vector<at::Tensor>* gradients)
      : pass_(pass),
        units_(std::move(units)),
        gradients_(gradients),
        places_(places_of(pass, units_)),
        sums_(pass.images, gradients == nullptr ? 0 : places_.back()) {}

  /// A group's, set to zero; null: not wanted.
  T* begin(const batch::ImageGroup& group) const {
    return gradients_ == nullptr ? nullptr : sums_.begin(group);
  }
  /// Where unit i's begin among a group's, as its weights are packed.
  T* of(T* group_sums, std::size_t i) const {
    return group_sums == nullptr ? nullptr : group_sums + places_[i];
  }
  /// All groups' together, to where they go.
  void take() const;

 private:
  static std::vector<std::int64_t> places_of(const CpuPass<T, S>& pass,
                                             const std::vector<const UnitPass*>& units) {
    std::vector<std::int64_t> places{0};
    for (const UnitPass* unit : units) {
      places.push_back(places.back() + pass.units[unit->unit].packing.size());
    }
    return places;
  }

  const CpuPass<T, S>& pass_;
  std::vector<const UnitPass*> units_;
  std::vector<at::Tensor>* gradients_;
  std::vector<std::int64_t> places_;  ///< one more than units: the end
  batch::GroupSums<T> sums_;
};

template <class T, class S>
void WeightSums<T, S>::take() const {
  if (gradients_ == nullptr) {
    return;
  }
  constexpr std::size_t tensors = 2;  // depthwise and pointwise, or two pointwise ones
  std::vector<std::span<at::Tensor>> targets;
  for (const UnitPass* unit : units_) {
    const std::size_t first = pass_.plan->units[unit->unit].weight;
    targets.push_back(std::span(*gradients_).subspan(first, tensors));
    for (std::size_t i = 0; i < tensors; ++i) {
      targets.back()[i] = gradient_for(pass_.plan->weights[first + i]);
    }
  }
  const std::vector<T> total = sums_.total();
  batch::in_parallel(std::ssize(units_), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); std::cmp_less(i, end); ++i) {
      pass_.units[units_[i]->unit].packing.unpack(total.data() + places_[i], targets[i]);
    }
  });
}

}  // namespace darts::fused::cpu
