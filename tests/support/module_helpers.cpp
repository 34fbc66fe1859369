#include "support/module_helpers.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

namespace darts::testing {

Golden state_of(const torch::nn::Module& module) {
  Golden state;
  for (const auto& item : module.named_parameters()) {
    state.emplace(item.key(), item.value());
  }
  for (const auto& item : module.named_buffers()) {
    state.emplace(item.key(), item.value());
  }
  return state;
}

Golden copy_of_state(const torch::nn::Module& module) {
  Golden state = state_of(module);
  for (auto& [name, tensor] : state) {
    tensor = tensor.detach().clone();
  }
  return state;
}

void make_double(torch::nn::Module& module) {
  for (auto& [name, tensor] : state_of(module)) {
    if (tensor.is_floating_point()) {
      tensor.set_data(tensor.detach().to(at::kDouble));
    }
  }
}

void load_state(torch::nn::Module& module, const Golden& state) {
  const c10::NoGradGuard no_grad;
  const Golden own = state_of(module);
  for (const auto& [name, tensor] : own) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != tensor.sizes()) {
      ADD_FAILURE() << name << " is not in the file, or not of shape " << tensor.sizes();
    } else {
      tensor.copy_(found->second);
    }
  }
  for (const auto& [name, tensor] : state) {
    EXPECT_TRUE(own.contains(name)) << "the module has no " << name;
  }
}

at::Tensor random_normal(at::IntArrayRef shape, std::uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(shape, generator, at::kDouble);
}

at::Tensor random_labels(std::int64_t count, std::int64_t classes, std::uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randint(0, classes, {count}, generator, at::kLong);
}

void randomize_parameters(torch::nn::Module& module, double scale, std::uint64_t seed) {
  const c10::NoGradGuard no_grad;
  for (const at::Tensor& parameter : module.parameters()) {
    parameter.copy_(random_normal(parameter.sizes(), seed++) * scale);
  }
}

}  // namespace darts::testing
