#pragma once

#include "images.hpp"

#include <algorithm>

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
  const std::vector<T> total = sums_.total();
  batch::in_parallel(std::ssize(units_), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); std::cmp_less(i, end); ++i) {
      const std::size_t unit = units_[i]->unit;
      std::ranges::move(
          pass_.weight_gradients(unit, total.data() + places_[i]),
          gradients_->begin() + static_cast<std::ptrdiff_t>(pass_.plan->units[unit].weight));
    }
  });
}

}  // namespace darts::fused::cpu
