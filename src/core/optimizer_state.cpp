#include "state_fit.hpp"

#include <darts/core/optimizer_state.hpp>

#include <ATen/Functions.h>
#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

namespace darts {
namespace {

using torch::optim::AdamParamState;
using torch::optim::Optimizer;
using torch::optim::OptimizerParamState;
using torch::optim::SGDParamState;
using StatePointer = std::unique_ptr<OptimizerParamState>;

/// Takes one remembered tensor under the last part of its name.
using Visitor = std::function<void(const char* part, const at::Tensor& tensor)>;

/// The stored tensor PREFIX.NAME.PART shaped like a given one, or nullptr with a note.
using Finder = std::function<const at::Tensor*(const char* part, const at::Tensor& like)>;

/// Calls `visit(name, parameter)` for each parameter, in order.
template <typename Visit>
void for_each_parameter(const Optimizer& optimizer, const std::vector<std::string>& names,
                        Visit visit) {
  std::size_t next = 0;
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      TORCH_CHECK(next < names.size(), "an optimizer has more parameters than the ", names.size(),
                  " names given");
      visit(names[next++], parameter);
    }
  }
  TORCH_CHECK(next == names.size(), "an optimizer has ", next, " parameters, but ", names.size(),
              " names were given");
}

void visit_state(const OptimizerParamState& state, const Visitor& visit) {
  if (const auto* sgd = dynamic_cast<const SGDParamState*>(&state)) {
    visit("momentum_buffer", sgd->momentum_buffer());
  } else if (const auto* adam = dynamic_cast<const AdamParamState*>(&state)) {
    visit("step", at::scalar_tensor(adam->step(), at::kLong));
    visit("exp_avg", adam->exp_avg());
    visit("exp_avg_sq", adam->exp_avg_sq());
    visit("max_exp_avg_sq", adam->max_exp_avg_sq());
  } else {
    TORCH_CHECK(false, "only the states of SGD and Adam can be stored in a checkpoint");
  }
}

/// A copy with the device and memory format of the parameter; undefined where nothing was found.
at::Tensor copy_like(const at::Tensor& parameter, const at::Tensor* stored) {
  return stored == nullptr ? at::Tensor() : at::empty_like(parameter.detach()).copy_(*stored);
}

StatePointer restore_sgd(const at::Tensor& parameter, const Finder& find) {
  auto state = std::make_unique<SGDParamState>();
  state->momentum_buffer(copy_like(parameter, find("momentum_buffer", parameter)));
  return state;
}

StatePointer restore_adam(const at::Tensor& parameter, bool amsgrad, const Finder& find) {
  auto state = std::make_unique<AdamParamState>();
  const at::Tensor* step = find("step", at::empty({}, at::kLong));
  state->step(step == nullptr ? 0 : step->item<std::int64_t>());
  state->exp_avg(copy_like(parameter, find("exp_avg", parameter)));
  state->exp_avg_sq(copy_like(parameter, find("exp_avg_sq", parameter)));
  if (amsgrad) {
    state->max_exp_avg_sq(copy_like(parameter, find("max_exp_avg_sq", parameter)));
  }
  return state;
}

/// What the optimizer makes of one parameter's stored tensors.
std::function<StatePointer(const at::Tensor&, const Finder&)> restorer_of(
    const Optimizer& optimizer) {
  if (dynamic_cast<const torch::optim::SGD*>(&optimizer) != nullptr) {
    return restore_sgd;
  }
  TORCH_CHECK(dynamic_cast<const torch::optim::Adam*>(&optimizer) != nullptr,
              "only the states of SGD and Adam can be restored from a checkpoint");
  const bool amsgrad =
      static_cast<const torch::optim::AdamOptions&>(optimizer.defaults()).amsgrad();
  return [amsgrad](const at::Tensor& parameter, const Finder& find) {
    return restore_adam(parameter, amsgrad, find);
  };
}

/// Whether a checkpoint holds anything that an optimizer remembers of one parameter.
bool has_state(const detail::StateFit& fit, const std::string& name) {
  const auto parts = {".momentum_buffer", ".step", ".exp_avg", ".exp_avg_sq", ".max_exp_avg_sq"};
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return fit.contains(name + part); });
}

}  // namespace

void collect_optimizer(const Optimizer& optimizer, const std::vector<std::string>& names,
                       std::string_view prefix, NamedTensors& tensors) {
  const auto& states = optimizer.state();
  for_each_parameter(optimizer, names, [&](const std::string& name, const at::Tensor& parameter) {
    const auto it = states.find(parameter.unsafeGetTensorImpl());
    if (it == states.end()) {
      return;
    }
    visit_state(*it->second, [&](const char* part, const at::Tensor& tensor) {
      if (tensor.defined()) {
        const std::string full = detail::join_name(prefix, name) + "." + part;
        TORCH_CHECK(tensors.emplace(full, tensor.detach()).second,
                    "two tensors of a checkpoint are called ", full);
      }
    });
  });
}

void restore_optimizer(Optimizer& optimizer, const std::vector<std::string>& names,
                       std::string_view prefix, const NamedTensors& tensors,
                       std::string_view what) {
  const auto restorer = restorer_of(optimizer);
  detail::StateFit fit(tensors, prefix, "this optimizer");
  std::vector<std::pair<void*, StatePointer>> restored;
  for_each_parameter(optimizer, names, [&](const std::string& name, const at::Tensor& parameter) {
    const std::string base = detail::join_name(prefix, name);
    if (has_state(fit, base)) {
      restored.emplace_back(parameter.unsafeGetTensorImpl(),
                            restorer(parameter, [&](const char* part, const at::Tensor& like) {
                              return fit.find(base + "." + part, like);
                            }));
    }
  });
  fit.finish(what);
  auto& states = optimizer.state();
  states.clear();
  for (auto& [key, state] : restored) {
    states[key] = std::move(state);
  }
}

}  // namespace darts
