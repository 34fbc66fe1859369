#include "pass.hpp"

#include "kernels/packing.hpp"

#include <darts/cell/mixing.hpp>
#include <darts/core/flat_weights.hpp>
#include <darts/ops/batch_norm.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace darts::fused::cpu {
namespace {

NormUnit unit_of(const CellPlan& plan, const Unit& planned) {
  NormUnit unit;
  const auto first = plan.weights.begin() + static_cast<std::ptrdiff_t>(planned.weight);
  if (planned.kind == UnitKind::separable) {
    unit.depthwise = *first;
    unit.pointwise = {*(first + 1)};
  } else {
    unit.pointwise = {*first, *(first + 1)};
  }
  return unit;
}

/// Of so many images, how many are worth having side by side.
std::int64_t images_side_by_side(std::int64_t images, std::int64_t channels, std::int64_t vector) {
  std::int64_t count = std::max<std::int64_t>(1, vector / channels);
  while (images % count != 0) {
    --count;
  }
  return count;
}

/// A weight of so many rows (output channels) of values, each row `count` times.
template <class T>
at::Tensor depthwise_beside_itself(const at::Tensor& weight, std::int64_t count) {
  const at::Tensor from = weight.detach().contiguous();
  std::vector<std::int64_t> sizes = weight.sizes().vec();
  sizes[0] *= count;
  at::Tensor wide = at::empty(sizes, from.options());
  const std::int64_t taps = from.numel() / from.size(0);
  const T* value = from.const_data_ptr<T>();
  T* to = wide.mutable_data_ptr<T>();
  for (std::int64_t channel = 0; channel < from.size(0); ++channel, value += taps) {
    for (std::int64_t image = 0; image < count; ++image) {
      to = std::copy_n(value, taps, to);
    }
  }
  return wide;
}

/// A weight of O × I values, each in the diagonal of a block of count × count.
template <class T>
at::Tensor pointwise_beside_itself(const at::Tensor& weight, std::int64_t count) {
  const at::Tensor from = weight.detach().contiguous();
  const std::int64_t columns = from.size(1) * count;
  at::Tensor wide = at::zeros({from.size(0) * count, columns, 1, 1}, from.options());
  const T* value = from.const_data_ptr<T>();
  T* const to = wide.mutable_data_ptr<T>();
  for (std::int64_t row = 0; row < from.size(0); ++row) {
    for (std::int64_t column = 0; column < from.size(1); ++column, ++value) {
      for (std::int64_t image = 0; image < count; ++image) {
        to[(row * count + image) * columns + column * count + image] = *value;
      }
    }
  }
  return wide;
}

/// A unit that does for each of `count` images side by side what `unit` does for one.
template <class T>
NormUnit beside_itself(NormUnit unit, std::int64_t count) {
  if (count == 1) {
    return unit;
  }
  if (unit.depthwise.defined()) {
    unit.depthwise = depthwise_beside_itself<T>(unit.depthwise, count);
  }
  for (at::Tensor& weight : unit.pointwise) {
    weight = pointwise_beside_itself<T>(weight, count);
  }
  return unit;
}

/// The reverse, of gradients: what the copies of a value come to together.
template <class T>
at::Tensor sum_of_copies(const at::Tensor& wide, const at::Tensor& weight, std::int64_t count) {
  at::Tensor gradient = gradient_for(weight);
  const std::int64_t rows = weight.size(0);
  const std::int64_t values = weight.numel() / rows;
  const bool pointwise = wide.numel() != weight.numel() * count;
  const std::int64_t step = pointwise ? count : 1;
  const std::int64_t width = values * step;
  const T* const from = wide.const_data_ptr<T>();
  T* to = gradient.mutable_data_ptr<T>();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t value = 0; value < values; ++value, ++to) {
      *to = T(0);
      for (std::int64_t image = 0; image < count; ++image) {
        *to += from[(row * count + image) * width + value * step + (pointwise ? image : 0)];
      }
    }
  }
  return gradient;
}

/// Each channel's value in all of its lanes.
std::vector<double> in_all_lanes(const std::vector<double>& values, std::int64_t side_by_side) {
  std::vector<double> lanes;
  for (const double value : values) {
    lanes.insert(lanes.end(), static_cast<std::size_t>(side_by_side), value);
  }
  return lanes;
}

/// Sums of each channel's lanes.
std::vector<double> sums_of_lanes(const double* lanes, std::int64_t count,
                                  std::int64_t side_by_side) {
  std::vector<double> sums(static_cast<std::size_t>(count / side_by_side));
  for (std::int64_t lane = 0; lane < count; ++lane) {
    sums[static_cast<std::size_t>(lane / side_by_side)] += lanes[lane];
  }
  return sums;
}

/// Of each unit, whether it is run.
std::vector<bool> units_in(const CellPlan& plan, const at::Tensor& active) {
  std::vector<bool> run(plan.units.size());
  for (const Edge& edge : plan.edges) {
    for (const Operation& operation : edge.operations) {
      for (const std::size_t unit : operation.units) {
        run[unit] = is_active(active, edge.row, operation.column);
      }
    }
  }
  return run;
}

/// Null: each rank normalises over its own images.
const SharedBatch* shared_batch(const CellPlan& plan) {
  for (const Unit& unit : plan.units) {
    return shared_batch_of(*unit.norm);
  }
  for (const Edge& edge : plan.edges) {
    for (const Operation& operation : edge.operations) {
      if (!operation.norm.is_empty()) {
        return shared_batch_of(*operation.norm);
      }
    }
  }
  return nullptr;
}

}  // namespace

template <class T, class S>
CpuPass<T, S>::CpuPass(std::shared_ptr<const CellPlan> cell_plan, const CellInputs& inputs,
                       const PassOptions& options)
    : plan(std::move(cell_plan)), training(options.training), norms(norm_count(*plan)) {
  const at::Tensor& x = inputs.s1;
  const std::int64_t multiple = kernels::channel_multiple<T>();
  const std::int64_t stride = plan->reduction ? 2 : 1;
  side_by_side = images_side_by_side(x.size(0), plan->channels, multiple);
  images = x.size(0) / side_by_side;
  shared = training ? shared_batch(*plan) : nullptr;
  rows = shared == nullptr ? x.size(0) : shared->share().all;
  lanes = plan->channels * side_by_side;
  channels = (lanes + multiple - 1) / multiple * multiple;
  node_height = (x.size(2) - 1) / stride + 1;
  node_width = (x.size(3) - 1) / stride + 1;
  const at::Tensor weights = inputs.mixing.to(at::kDouble).contiguous();
  mixing.assign(weights.const_data_ptr<double>(),
                weights.const_data_ptr<double>() + weights.numel());
  dropped = EdgeFactors<T>(options.dropped, side_by_side, channels);
  const std::vector<bool> run = units_in(*plan, options.active);
  units.reserve(run.size());
  for (std::size_t i = 0; i < run.size(); ++i) {
    units.push_back({batch::PackedWeights<T>(
                         beside_itself<T>(unit_of(*plan, plan->units[i]), side_by_side), channels),
                     {},
                     {}});
    if (run[i]) {
      units.back().forward = units.back().packing.pack();
    }
    if (run[i] && options.keep) {
      units.back().backward = units.back().packing.pack_transposed();
    }
  }
}

template <class T, class S>
void CpuPass<T, S>::add_up(std::vector<double>& sums) const {
  if (shared == nullptr || sums.empty()) {
    return;
  }
  // Ranks may have different numbers of lanes: what they exchange is by the plan's channels, and
  // comes back in the first lane of each.
  const std::size_t blocks = sums.size() / static_cast<std::size_t>(channels);
  std::vector<double> tied;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::vector<double> of_block = sums_of_lanes(
        sums.data() + block * static_cast<std::size_t>(channels), lanes, side_by_side);
    tied.insert(tied.end(), of_block.begin(), of_block.end());
  }
  shared->ranks().sum(tied);
  std::ranges::fill(sums, 0.0);
  auto value = tied.cbegin();
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::int64_t lane = 0; lane < lanes; lane += side_by_side) {
      sums[block * static_cast<std::size_t>(channels) + static_cast<std::size_t>(lane)] = *value++;
    }
  }
}

template <class T, class S>
void CpuPass<T, S>::take_statistics(
    std::size_t norm, const double* sums,
    const std::vector<std::shared_ptr<torch::nn::BatchNorm2dImpl>>& modules) {
  NormPass<T>& pass = norms[norm];
  if (has_statistics(norm)) {
    return;
  }
  const std::int64_t count = rows * node_pixels();
  TORCH_CHECK(!training || count > 1,
              "fused cell: a batch norm in training needs more than one value a channel");
  batch::BatchStatistics statistics;
  for (const auto& module : modules) {
    if (training) {
      const auto first = sums_of_lanes(sums, lanes, side_by_side);
      const auto second = sums_of_lanes(sums + channels, lanes, side_by_side);
      statistics = batch::take_statistics({first.data(), second.data()}, count, *module);
    } else {
      statistics = batch::running_statistics(*module);
    }
  }
  const batch::Affine affine = batch::affine_of(statistics, *modules.front());
  pass.affine = batch::PaddedAffine<T>(batch::Affine{in_all_lanes(affine.scale, side_by_side),
                                                     in_all_lanes(affine.shift, side_by_side)});
  pass.statistics = {in_all_lanes(statistics.mean, side_by_side),
                     in_all_lanes(statistics.rstd, side_by_side)};
}

template <class T, class S>
void CpuPass<T, S>::take_gradient(std::size_t norm, const batch::Moments& of_g, double weight) {
  if (!training) {  // running statistics do not depend on z
    batch::NormGradient gradient{norms[norm].statistics.rstd, {}, {}};
    for (double& slope : gradient.a) {
      slope *= weight;
    }
    gradient.b.resize(gradient.a.size());
    gradient.c.resize(gradient.a.size());
    norms[norm].gradient = batch::PaddedNormGradient<T>(gradient);
    return;
  }
  const auto tied = [&](const double* values) {
    return in_all_lanes(sums_of_lanes(values, lanes, side_by_side), side_by_side);
  };
  const std::vector<double> sums = tied(of_g.sums);
  const std::vector<double> products = tied(of_g.products);
  norms[norm].gradient = batch::PaddedNormGradient<T>(batch::norm_gradient(
      norms[norm].statistics, {sums.data(), products.data()}, rows * node_pixels(), weight));
}

template <class T, class S>
std::vector<at::Tensor> CpuPass<T, S>::weight_gradients(std::size_t unit, const T* packed) const {
  std::vector<at::Tensor> gradients = units[unit].packing.gradients(packed);
  if (side_by_side == 1) {
    return gradients;
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    gradients[i] =
        sum_of_copies<T>(gradients[i], plan->weights[plan->units[unit].weight + i], side_by_side);
  }
  return gradients;
}

template struct CpuPass<float>;
template struct CpuPass<float, kernels::BFloat16>;
template struct CpuPass<double>;

}  // namespace darts::fused::cpu
