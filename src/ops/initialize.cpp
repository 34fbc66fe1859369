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

Choices<WeightInit> weight_init_choices() {
  return one_of<WeightInit>(
      {{"modern", WeightInit::modern}, {"pytorch_0.3", WeightInit::pytorch_0_3}});
}

void add_weight_init_field(FieldTable& table, WeightInit& init) {
  table.add("w.init", init,
            "which PyTorch's initial weights: modern, or pytorch_0.3, on which the paper's results "
            "ran, with depthwise weights smaller by the root of their channels",
            weight_init_choices());
}

void initialize_weights(torch::nn::Module& module, std::uint64_t seed, WeightInit init) {
  const c10::NoGradGuard no_grad;
  std::uint64_t index = 0;
  const auto fill = [&](const at::Tensor& weight, const at::Tensor& bias, std::int64_t groups) {
    const std::int64_t fan_in = weight.numel() / weight.size(0);
    const std::int64_t counted = init == WeightInit::pytorch_0_3 ? groups * fan_in : fan_in;
    const double bound = 1.0 / std::sqrt(static_cast<double>(counted));
    fill_uniform(weight, bound, seed, index++);
    if (bias.defined()) {
      fill_uniform(bias, bound, seed, index++);
    }
  };
  for (const auto& child : module.modules()) {
    if (const auto* conv = child->as<torch::nn::Conv2d>()) {
      fill(conv->weight, conv->bias, conv->options.groups());
    } else if (const auto* linear = child->as<torch::nn::Linear>()) {
      fill(linear->weight, linear->bias, 1);
    }
  }
}

}  // namespace darts
