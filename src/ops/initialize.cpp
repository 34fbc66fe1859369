#include <darts/core/random.hpp>
#include <darts/ops/initialize.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

namespace darts {
namespace {

/// Draws on the CPU, whatever device the weights live on, so that all devices start alike.
void fill_uniform(const at::Tensor& weight, double bound, std::uint64_t seed, std::uint64_t index) {
  RandomStream stream(seed, RandomPurpose::weights, 0, index);
  const at::Generator generator = at::detail::createCPUGenerator(stream());
  at::Tensor values = at::empty(weight.sizes(), at::kDouble);
  values.uniform_(-bound, bound, generator);
  weight.copy_(values);
}

}  // namespace

void initialize_weights(torch::nn::Module& module, std::uint64_t seed) {
  const c10::NoGradGuard no_grad;
  std::uint64_t index = 0;
  const auto fill = [&](const at::Tensor& weight, const at::Tensor& bias) {
    const auto fan_in = static_cast<double>(weight.numel() / weight.size(0));
    const double bound = 1.0 / std::sqrt(fan_in);
    fill_uniform(weight, bound, seed, index++);
    if (bias.defined()) {
      fill_uniform(bias, bound, seed, index++);
    }
  };
  for (const auto& child : module.modules()) {
    if (const auto* conv = child->as<torch::nn::Conv2d>()) {
      fill(conv->weight, conv->bias);
    } else if (const auto* linear = child->as<torch::nn::Linear>()) {
      fill(linear->weight, linear->bias);
    }
  }
}

}  // namespace darts
