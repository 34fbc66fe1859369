#include <darts/cell/topology.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/ops/linear.hpp>
#include <darts/search/selection.hpp>
#include <darts/search/supernet.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <set>

namespace darts {
SupernetImpl::SupernetImpl(SupernetOptions options) : options_(std::move(options)) {
  if (options_.theta.empty()) {
    options_.theta = alpha_shapes({options_.primitives, options_.nodes});
  }
  reset();
}

void SupernetImpl::reset() {
  const auto& o = options_;
  const std::int64_t stem_channels = o.stem_multiplier * o.channels;
  stem_ = Stem(*this, {o.stem, o.image_channels, stem_channels, o.stem_affine});

  cells_ = register_module("cells", torch::nn::Sequential());
  SearchCellOptions cell;
  cell.nodes = o.nodes;
  cell.edge = o.edge;
  cell.channels_prev_prev = stem_channels;
  cell.channels_prev = stem_channels;
  cell.channels = o.channels;
  cell.reduction_prev = stem_.reduces();
  for (std::int64_t i = 0; i < o.cells; ++i) {
    cell.reduction = is_reduction_cell(i, o.cells);
    cell.primitives = cell.reduction ? o.primitives.reduce : o.primitives.normal;
    cell.channels *= cell.reduction ? 2 : 1;
    cells_->push_back(SearchCell(cell));
    cell.reduction_prev = cell.reduction;
    cell.channels_prev_prev = cell.channels_prev;
    cell.channels_prev = o.nodes * cell.channels;
  }
  classifier_ = register_module("classifier", torch::nn::Linear(cell.channels_prev, o.classes));
  set_execution(o.execution);

  for (const ThetaShape& shape : o.theta) {
    register_parameter(shape.name, at::zeros(shape.sizes));
  }
  for (const ThetaShape& shape : o.fixed_theta) {
    register_buffer(shape.name, at::full(shape.sizes, undecided));
  }
}

at::Tensor SupernetImpl::forward(const at::Tensor& images, const Mixings& mixings) {
  TORCH_CHECK(images.dim() == 4 && images.size(1) == options_.image_channels,
              "Supernet: images of shape [N, ", options_.image_channels, ", H, W] expected, got ",
              images.sizes());
  const AutocastGuard autocast(images.device(), autocast_precision(images));
  auto [s0, s1] = stem_.forward(images, options_.execution.execution);
  for (torch::nn::AnyModule& module : *cells_) {
    auto& cell = module.get<SearchCellImpl>();
    const auto type = cell.is_reduction() ? CellType::reduction : CellType::normal;
    at::Tensor out = cell.forward(s0, s1, mixings.of(type));
    s0 = std::exchange(s1, std::move(out));
  }
  return classify(classifier_, s1, options_.execution.execution);
}

Precision SupernetImpl::autocast_precision(const at::Tensor& images) {
  const bool cells_store_bf16 =
      images.is_cpu() && options_.execution.execution == Execution::fused && has_kernels();
  return cells_store_bf16 ? Precision::fp32 : options_.execution.precision;
}

bool SupernetImpl::has_kernels() {
  return std::all_of(cells_->begin(), cells_->end(), [](torch::nn::AnyModule& module) {
    return module.get<SearchCellImpl>().has_kernels();
  });
}

void SupernetImpl::set_execution(const ExecutionOptions& execution) {
  options_.execution = execution;
  for (torch::nn::AnyModule& module : *cells_) {
    module.get<SearchCellImpl>().set_execution(execution);
  }
}

bool SupernetImpl::is_theta(const std::string& name) const {
  return std::ranges::find(options_.theta, name, &ThetaShape::name) != options_.theta.end();
}

Theta SupernetImpl::theta() const {
  const auto named = named_parameters(/*recurse=*/false);
  Theta theta;
  for (const ThetaShape& shape : options_.theta) {
    theta.add(shape.name, named[shape.name]);
  }
  const auto buffers = named_buffers(/*recurse=*/false);
  for (const ThetaShape& shape : options_.fixed_theta) {
    theta.add_fixed(shape.name, buffers[shape.name]);
  }
  theta.set_missing({missing_columns(CellType::normal), missing_columns(CellType::reduction)});
  return theta;
}

at::Tensor SupernetImpl::missing_columns(CellType type) const {
  const at::Tensor missing =
      darts::missing_columns(options_.primitives.of(type), edge_count(options_.nodes));
  return missing.defined() ? missing.to(parameters(/*recurse=*/false).front().device()) : missing;
}

std::vector<at::Tensor> SupernetImpl::weights() const {
  std::vector<at::Tensor> weights;
  for (const auto& item : named_parameters()) {
    if (!is_theta(item.key())) {
      weights.push_back(item.value());
    }
  }
  return weights;
}

std::vector<std::string> SupernetImpl::weight_names() const {
  std::vector<std::string> names;
  for (const auto& item : named_parameters()) {
    if (!is_theta(item.key())) {
      names.push_back(item.key());
    }
  }
  return names;
}

std::vector<bool> SupernetImpl::run_by(const Mixings& mixings) const {
  std::set<const c10::TensorImpl*> idle;
  for (const auto& module : cells_->children()) {
    auto& cell = *module->as<SearchCellImpl>();
    const auto type = cell.is_reduction() ? CellType::reduction : CellType::normal;
    for (const at::Tensor& weight : cell.idle_weights(mixings.of(type))) {
      idle.insert(weight.unsafeGetTensorImpl());
    }
  }
  std::vector<bool> run;
  for (const at::Tensor& weight : weights()) {
    run.push_back(!idle.contains(weight.unsafeGetTensorImpl()));
  }
  return run;
}

void initialize_supernet(Supernet& supernet, std::uint64_t seed, const SearchMethod& method,
                         const SupernetInit& init) {
  initialize_weights(*supernet, seed, init.weights);
  method.initialize(supernet->theta(), seed, init.alpha_scale);
}

}  // namespace darts
