#include "weights.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace darts::fused {
namespace {

/// Where the weights of a pointwise product belong among the kernels' rows (inputs) and columns
/// (outputs). The second convolution of a factorized reduce sees the second of two pixels and makes
/// the channels after those of the first.
struct Block {
  std::size_t weight = 0;  ///< in CellPlan::weights
  std::int64_t first_input = 0;
  std::int64_t first_output = 0;
};

std::vector<Block> pointwise_blocks(const CellPlan& plan, const Unit& unit, std::int64_t channels) {
  if (unit.kind == UnitKind::separable) {
    return {{unit.weight + 1, 0, 0}};
  }
  return {{unit.weight, 0, 0}, {unit.weight + 1, channels, plan.weights[unit.weight].size(0)}};
}

std::int64_t pointwise_inputs(const Unit& unit, std::int64_t channels) {
  return unit.kind == UnitKind::separable ? channels : 2 * channels;
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
  to.pointwise = at::zeros({inputs, pass.channels}, pass.type);
  to.pointwise_t = at::zeros({pass.channels, inputs}, pass.type);
  T* const forward = to.pointwise.template mutable_data_ptr<T>();
  T* const backward = to.pointwise_t.template mutable_data_ptr<T>();
  for (const Block& block : pointwise_blocks(*pass.plan, unit, pass.channels)) {
    const at::Tensor weight = plain(pass.plan->weights[block.weight]);
    const T* value = weight.const_data_ptr<T>();
    for (std::int64_t o = block.first_output; o < block.first_output + weight.size(0); ++o) {
      for (std::int64_t i = block.first_input; i < block.first_input + weight.size(1); ++i) {
        forward[i * pass.channels + o] = *value;
        backward[o * inputs + i] = *value++;
      }
    }
  }
}

template <class T, class S>
void pack_depthwise(const CellPass<T, S>& pass, const Unit& unit, UnitPass& to) {
  const std::int64_t taps = unit.kernel * unit.kernel;
  to.depthwise = at::zeros({taps, pass.channels}, pass.type);
  T* const packed = to.depthwise.template mutable_data_ptr<T>();
  const at::Tensor weight = plain(pass.plan->weights[unit.weight]);
  const T* value = weight.const_data_ptr<T>();
  for (std::int64_t c = 0; c < weight.size(0); ++c) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      packed[tap * pass.channels + c] = *value++;
    }
  }
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
         pointwise_inputs(planned, pass_.channels) * pass_.channels;
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
  for (const Block& block : pointwise_blocks(*pass_.plan, unit, channels)) {
    const at::Tensor& gradient = gradients[block.weight];
    T* value = gradient.mutable_data_ptr<T>();
    for (std::int64_t o = block.first_output; o < block.first_output + gradient.size(0); ++o) {
      for (std::int64_t i = block.first_input; i < block.first_input + gradient.size(1); ++i) {
        *value++ = pointwise[i * channels + o];
      }
    }
  }
  if (unit.kind == UnitKind::separable) {
    const at::Tensor& gradient = gradients[unit.weight];
    T* value = gradient.mutable_data_ptr<T>();
    for (std::int64_t c = 0; c < gradient.size(0); ++c) {
      for (std::int64_t tap = 0; tap < unit.kernel * unit.kernel; ++tap) {
        *value++ = sums[static_cast<std::size_t>(tap * channels + c)];
      }
    }
  }
}

template <class T, class S>
void WeightSums<T, S>::take(std::vector<at::Tensor>& gradients) const {
  for (const std::size_t unit : units_) {
    for (const std::size_t k :
         {pass_.plan->units[unit].weight, pass_.plan->units[unit].weight + 1}) {
      gradients[k] = at::empty(pass_.plan->weights[k].sizes(), pass_.type);
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
