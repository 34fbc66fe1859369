#include "state_fit.hpp"

#include <darts/core/host_copy.hpp>
#include <darts/core/module_state.hpp>

#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>

#include <utility>
#include <vector>

namespace darts {
namespace {

/// Parameters and buffers with their full names; undefined ones are no state.
std::vector<std::pair<std::string, at::Tensor>> state_of(const torch::nn::Module& module,
                                                         std::string_view prefix) {
  std::vector<std::pair<std::string, at::Tensor>> state;
  const auto add = [&](const auto& items) {
    for (const auto& item : items) {
      if (item.value().defined()) {
        state.emplace_back(detail::join_name(prefix, item.key()), item.value());
      }
    }
  };
  add(module.named_parameters());
  add(module.named_buffers());
  return state;
}

}  // namespace

void use_channels_last(const torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (const at::Tensor& parameter : module.parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

void collect_state(const torch::nn::Module& module, std::string_view prefix,
                   NamedTensors& tensors) {
  for (auto& [name, tensor] : state_of(module, prefix)) {
    const bool added = tensors.emplace(name, tensor.detach()).second;
    TORCH_CHECK(added, "two tensors of a checkpoint are called ", name);
  }
}

void restore_state(torch::nn::Module& module, std::string_view prefix, const NamedTensors& tensors,
                   std::string_view what) {
  const at::NoGradGuard no_grad;
  detail::StateFit fit(tensors, prefix, "this network");
  std::vector<at::Tensor> targets;
  std::vector<const at::Tensor*> stored;
  for (auto& [name, tensor] : state_of(module, prefix)) {
    targets.push_back(tensor);
    stored.push_back(fit.find(name, tensor));
  }
  fit.finish(what);
  std::vector<at::Tensor> sources;
  for (const at::Tensor* const tensor : stored) {
    sources.push_back(*tensor);
  }
  copy_from_host(targets, sources);
}

}  // namespace darts
