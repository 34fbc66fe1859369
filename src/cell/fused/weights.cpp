#include "weights.hpp"

#include "kernels/packing.hpp"

#include <darts/core/flat_weights.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>

namespace darts::fused {
namespace {

/// The weights of a pointwise product and where they belong. The second convolution of a factorized
/// reduce sees the second of two pixels and makes the channels after those of the first.
struct Part {
  std::size_t weight = 0;  ///< in CellPlan::weights
  kernels::PackedBlock block;

  kernels::PackedBlock transposed() const {
    return {block.columns, block.rows, block.first_column, block.first_row};
  }
};

std::int64_t pointwise_inputs(const Unit& unit, std::int64_t channels) {
  return unit.kind == UnitKind::separable ? channels : 2 * channels;
}

std::vector<Part> pointwise_parts(const CellPlan& plan, const Unit& unit, std::int64_t channels) {
  const std::int64_t inputs = pointwise_inputs(unit, channels);
  if (unit.kind == UnitKind::separable) {
    return {{unit.weight + 1, {inputs, channels}}};
  }
  return {{unit.weight, {inputs, channels}},
          {unit.weight + 1, {inputs, channels, channels, plan.weights[unit.weight].size(0)}}};
}

std::int64_t depthwise_size(const Unit& unit, std::int64_t channels) {
  return unit.kind == UnitKind::separable ? unit.kernel * unit.kernel * channels : 0;
}

at::Tensor plain(const at::Tensor& weight) {
  return weight.detach().contiguous(at::MemoryFormat::Contiguous);
}

template <class T, class S>
void pack_pointwise(const CellPass<T, S>& pass, const Unit& unit, UnitPass& to) {
  const std::int64_t inputs = pointwise_inputs(unit, pass.channels);
  to.pointwise = at::zeros({kernels::packed_size<T>(inputs, pass.channels)}, pass.type);
  to.pointwise_t = at::zeros({kernels::packed_size<T>(pass.channels, inputs)}, pass.type);
  for (const Part& part : pointwise_parts(*pass.plan, unit, pass.channels)) {
    const at::Tensor weight = plain(pass.plan->weights[part.weight]);
    const T* const values = weight.const_data_ptr<T>();
    kernels::pack_pointwise(values, weight.size(0), weight.size(1), part.block,
                            to.pointwise.template mutable_data_ptr<T>());
    kernels::pack_transposed(values, weight.size(0), weight.size(1), part.transposed(),
                             to.pointwise_t.template mutable_data_ptr<T>());
  }
}

template <class T, class S>
void pack_depthwise(const CellPass<T, S>& pass, const Unit& unit, UnitPass& to) {
  const std::int64_t taps = unit.kernel * unit.kernel;
  to.depthwise = at::zeros({taps, pass.channels}, pass.type);
  const at::Tensor weight = plain(pass.plan->weights[unit.weight]);
  kernels::pack_depthwise(weight.const_data_ptr<T>(), weight.size(0), taps, pass.channels,
                          to.depthwise.template mutable_data_ptr<T>());
}

}  // namespace

template <class T, class S>
void pack_weights(CellPass<T, S>& pass) {
  for (std::size_t i = 0; i < pass.units.size(); ++i) {
    const Unit& unit = pass.plan->units[i];
    pack_pointwise(pass, unit, pass.units[i]);
    if (unit.kind == UnitKind::separable) {
      pack_depthwise(pass, unit, pass.units[i]);
    }
  }
}

template <class T, class S>
WeightSums<T, S>::WeightSums(const CellPass<T, S>& pass, const std::vector<const Edge*>& edges,
                             bool wanted)
    : pass_(pass), places_(pass.units.size()) {
  if (!wanted) {
    return;
  }
  std::int64_t size = 0;
  for (const Edge* edge : edges) {
    for (const Operation& operation : edge->operations) {
      for (const std::size_t i : operation.units) {
        units_.push_back(i);
        places_[i] = size;
        size += size_of(i);
      }
    }
  }
  sums_ = at::zeros({pass.groups, size}, pass.type);
}

template <class T, class S>
T* WeightSums<T, S>::depthwise(std::size_t unit, const Group& group) const {
  return sums_.defined() ? sums_.mutable_data_ptr<T>() + group.index * sums_.size(1) + places_[unit]
                         : nullptr;
}

template <class T, class S>
T* WeightSums<T, S>::pointwise(std::size_t unit, const Group& group) const {
  T* const begin = depthwise(unit, group);
  return begin == nullptr ? begin : begin + depthwise_size(pass_.plan->units[unit], pass_.channels);
}

template <class T, class S>
std::int64_t WeightSums<T, S>::size_of(std::size_t unit) const {
  const Unit& planned = pass_.plan->units[unit];
  return depthwise_size(planned, pass_.channels) +
         kernels::packed_size<T>(pointwise_inputs(planned, pass_.channels), pass_.channels);
}

/// A unit's sums of all groups together, in the kernels' order.
template <class T, class S>
std::vector<T> WeightSums<T, S>::total(std::size_t unit) const {
  std::vector<T> sum(static_cast<std::size_t>(size_of(unit)));
  const T* from = sums_.const_data_ptr<T>() + places_[unit];
  for (std::int64_t group = 0; group < sums_.size(0); ++group, from += sums_.size(1)) {
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += from[i];
    }
  }
  return sum;
}

template <class T, class S>
void WeightSums<T, S>::take_unit(std::size_t index,
                                 const std::vector<at::Tensor>& gradients) const {
  const Unit& unit = pass_.plan->units[index];
  const std::int64_t channels = pass_.channels;
  const std::vector<T> sums = total(index);
  const T* const pointwise = sums.data() + depthwise_size(unit, channels);
  for (const Part& part : pointwise_parts(*pass_.plan, unit, channels)) {
    const at::Tensor& gradient = gradients[part.weight];
    kernels::unpack_pointwise(pointwise, part.block, gradient.size(0), gradient.size(1),
                              gradient.mutable_data_ptr<T>());
  }
  if (unit.kind == UnitKind::separable) {
    const at::Tensor& gradient = gradients[unit.weight];
    kernels::unpack_depthwise(sums.data(), gradient.size(0), unit.kernel * unit.kernel, channels,
                              gradient.mutable_data_ptr<T>());
  }
}

template <class T, class S>
void WeightSums<T, S>::take(std::vector<at::Tensor>& gradients) const {
  for (const std::size_t unit : units_) {
    for (const std::size_t k :
         {pass_.plan->units[unit].weight, pass_.plan->units[unit].weight + 1}) {
      gradients[k] = gradient_for(pass_.plan->weights[k]);
    }
  }
  at::parallel_for(0, std::ssize(units_), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      take_unit(units_[static_cast<std::size_t>(i)], gradients);
    }
  });
}

template void pack_weights(CellPass<float, float>&);
template void pack_weights(CellPass<float, kernels::BFloat16>&);
template void pack_weights(CellPass<double, double>&);
template class WeightSums<float, float>;
template class WeightSums<float, kernels::BFloat16>;
template class WeightSums<double, double>;

}  // namespace darts::fused
