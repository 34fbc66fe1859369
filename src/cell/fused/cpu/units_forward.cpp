#include "pools.hpp"
#include "processor.hpp"
#include "workspace.hpp"

namespace darts::fused::cpu {
namespace {

/// Image n of a unit, with its moments added to `sums`. `ahead`: what the next call reads.
template <class T, class S>
void run_unit(const CpuPass<T, S>& pass, const UnitPass& unit, std::int64_t n,
              const Workspace<T>& own, double* sums, const kernels::Ahead& ahead) {
  const Unit& planned = pass.plan->units[unit.unit];
  const UnitWeights<T>& weights = pass.units[unit.unit];
  const T* const depthwise = weights.forward.data();
  const T* const pointwise = depthwise + weights.packing.pointwise();
  S* const z = image_of<S>(unit.z, n);
  const kernels::SeparableShape s = pass.shape(planned);
  if (planned.kind == UnitKind::factorized) {
    kernels::factorized_forward<T, S>({{s.out_height, s.out_width, s.in_channels, s.out_channels},
                                       own.input,
                                       pointwise,
                                       z,
                                       sums,
                                       own.scratch});
  } else {
    kernels::separable_forward<T, S>(
        {s, own.input, depthwise, pointwise, z, sums, own.scratch, ahead});
  }
}

/// Image n of all first units, which share the state's ReLU, and pools; moments one after the
/// other.
template <class T, class S>
void run_image(const CpuPass<T, S>& pass, const StatePass& from, std::int64_t n,
               const Workspace<T>& own, double* sums) {
  kernels::fill_relu<T>(image_of<T>(from.value, n), nullptr, nullptr, own.input);
  for (const ConvolutionPass& convolution : from.convolutions) {
    const bool last = &convolution == &from.convolutions.back();
    run_unit(pass, convolution.first, n, own, sums,
             last ? ahead(from.value, n + 1) : kernels::Ahead{});
    sums += 2 * pass.channels;
  }
  for (const PoolPass& pool : from.pools) {
    run_pool(pass, from, pool, n);
    kernels::channel_moments(image_of<S>(pool.z, n), pass.node_pixels(), pass.channels, sums);
    sums += 2 * pass.channels;
  }
}

/// Whether the statistics of what leaves a state are still to be taken, as they all are or none is.
template <class T, class S>
bool takes_statistics(const CpuPass<T, S>& pass, const std::vector<const UnitPass*>& units,
                      const std::vector<PoolPass>& pools) {
  return pass.training && ((!units.empty() && !pass.has_statistics(units.front()->unit)) ||
                           (!pools.empty() && !pass.has_statistics(pools.front().norm)));
}

/// The statistics of units from their moments, one after the other; → what lies behind them.
template <class T, class S>
const double* take_statistics(CpuPass<T, S>& pass, const std::vector<const UnitPass*>& units,
                              const double* moments) {
  for (const UnitPass* unit : units) {
    pass.take_statistics(unit->unit, moments, {pass.plan->units[unit->unit].norm.ptr()});
    moments += 2 * pass.channels;
  }
  return moments;
}

}  // namespace

template <class T, class S>
void CpuProcessor<T, S>::run_first_units(StatePass& from) {
  make_pools(pass_, from);
  Cost cost{0, bytes_of({from.value})};
  for (const PoolPass& pool : from.pools) {
    cost.bytes += bytes_of({pool.z});
  }
  std::vector<const UnitPass*> units;
  for (ConvolutionPass& convolution : from.convolutions) {
    convolution.first.z = new_node<S>(pass_);
    units.push_back(&convolution.first);
    cost.multiply_adds += pass_.multiply_adds(convolution.first);
    cost.bytes += bytes_of({convolution.first.z});
  }
  const std::int64_t height = from.value.size(1);
  const std::int64_t width = from.value.size(2);
  const std::int64_t outputs = std::ssize(units) + std::ssize(from.pools);
  const batch::GroupSums<double> sums(pass_.images, outputs * 2 * pass_.channels);
  const Phase phase("cell: pools, first convolutions", cost);
  batch::for_groups<T>(pass_.images, Workspace<T>::size(pass_, height, width),
                       [&](const batch::ImageGroup& group, T* memory) {
                         const Workspace<T> own(pass_, height, width, memory);
                         double* const group_sums = sums.begin(group);
                         for (std::int64_t n = group.first; n < group.last; ++n) {
                           run_image(pass_, from, n, own, group_sums);
                         }
                       });
  std::vector<double> total = sums.total();
  if (takes_statistics(pass_, units, from.pools)) {
    pass_.add_up(total);
  }
  const double* moments = take_statistics(pass_, units, total.data());
  for (const PoolPass& pool : from.pools) {
    pass_.take_statistics(pool.norm, moments, pool.norms);
    moments += 2 * pass_.channels;
  }
}

template <class T, class S>
void CpuProcessor<T, S>::run_second_units(StatePass& from) {
  Cost cost;
  std::vector<const UnitPass*> units;
  const std::vector<ConvolutionPass*> halves = with_second(from);
  for (ConvolutionPass* half : halves) {
    half->second->z = new_node<S>(pass_);
    units.push_back(&*half->second);
    cost.multiply_adds += pass_.multiply_adds(*half->second);
    cost.bytes += bytes_of({half->first.z, half->second->z});
  }
  const batch::GroupSums<double> sums(pass_.images, std::ssize(halves) * 2 * pass_.channels);
  const Phase phase("cell: second convolutions", cost);
  const auto run_group = [&](const batch::ImageGroup& group, T* memory) {
    const Workspace<T> own(pass_, pass_.node_height, pass_.node_width, memory);
    double* const group_sums = sums.begin(group);
    for (std::int64_t n = group.first; n < group.last; ++n) {
      double* unit_sums = group_sums;
      for (std::size_t i = 0; i < halves.size(); ++i, unit_sums += 2 * pass_.channels) {
        fill_normalised(pass_, halves[i]->first, n, own.input);
        const Next next(i, halves.size(), n);
        run_unit(pass_, *units[i], n, own, unit_sums,
                 ahead(halves[next.item]->first.z, next.image));
      }
    }
  };
  batch::for_groups<T>(pass_.images, Workspace<T>::size(pass_, pass_.node_height, pass_.node_width),
                       run_group);
  std::vector<double> total = sums.total();
  if (takes_statistics(pass_, units, {})) {
    pass_.add_up(total);
  }
  take_statistics(pass_, units, total.data());
}

template void FloatProcessor::run_first_units(StatePass&);
template void BFloat16Processor::run_first_units(StatePass&);
template void DoubleProcessor::run_first_units(StatePass&);
template void FloatProcessor::run_second_units(StatePass&);
template void BFloat16Processor::run_second_units(StatePass&);
template void DoubleProcessor::run_second_units(StatePass&);

}  // namespace darts::fused::cpu
