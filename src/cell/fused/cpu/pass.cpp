#include "pass.hpp"

#include "kernels/packing.hpp"

#include <darts/cell/mixing.hpp>

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

}  // namespace

template <class T, class S>
CpuPass<T, S>::CpuPass(std::shared_ptr<const CellPlan> cell_plan, const CellInputs& inputs,
                       const PassOptions& options)
    : plan(std::move(cell_plan)), training(options.training), norms(norm_count(*plan)) {
  const at::Tensor& x = inputs.s1;
  const std::int64_t multiple = kernels::channel_multiple<T>();
  const std::int64_t stride = plan->reduction ? 2 : 1;
  images = x.size(0);
  channels = (plan->channels + multiple - 1) / multiple * multiple;
  node_height = (x.size(2) - 1) / stride + 1;
  node_width = (x.size(3) - 1) / stride + 1;
  const at::Tensor weights = inputs.mixing.to(at::kDouble).contiguous();
  mixing.assign(weights.const_data_ptr<double>(),
                weights.const_data_ptr<double>() + weights.numel());
  const std::vector<bool> run = units_in(*plan, options.active);
  units.reserve(run.size());
  for (std::size_t i = 0; i < run.size(); ++i) {
    units.push_back({batch::PackedWeights<T>(unit_of(*plan, plan->units[i]), channels), {}, {}});
    if (run[i]) {
      units.back().forward = units.back().packing.pack();
    }
    if (run[i] && options.keep) {
      units.back().backward = units.back().packing.pack_transposed();
    }
  }
}

template <class T, class S>
void CpuPass<T, S>::take_statistics(
    std::size_t norm, const double* sums,
    const std::vector<std::shared_ptr<torch::nn::BatchNorm2dImpl>>& modules) {
  NormPass<T>& pass = norms[norm];
  if (pass.statistics.channels() > 0) {
    return;
  }
  const std::int64_t count = images * node_pixels();
  TORCH_CHECK(!training || count > 1,
              "fused cell: a batch norm in training needs more than one value a channel");
  for (const auto& module : modules) {
    pass.statistics = training ? batch::take_statistics({sums, sums + channels}, count, *module)
                               : batch::running_statistics(*module);
  }
  pass.affine = batch::PaddedAffine<T>(batch::affine_of(pass.statistics, *modules.front()));
}

template <class T, class S>
void CpuPass<T, S>::take_gradient(std::size_t norm, const batch::Moments& of_g, double weight) {
  norms[norm].gradient = batch::PaddedNormGradient<T>(
      batch::norm_gradient(norms[norm].statistics, of_g, images * node_pixels(), weight));
}

template struct CpuPass<float>;
template struct CpuPass<float, kernels::BFloat16>;
template struct CpuPass<double>;

}  // namespace darts::fused::cpu
