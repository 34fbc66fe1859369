#include "support/module_helpers.hpp"
#include "support/threads.hpp"

#include <darts/ops/run_chain.hpp>

#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/pooling.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::random_normal;
using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ReLU;
using torch::nn::Sequential;

Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride,
            std::int64_t padding) {
  return Conv2d(Conv2dOptions(in, out, size).stride(stride).padding(padding).bias(false));
}

/// What there is in a network beside its cells, and more.
std::vector<std::pair<std::string, Sequential>> chains() {
  return {
      {"stem", Sequential(conv(3, 6, 3, 1, 1), BatchNorm2d(6))},
      {"stem of three", Sequential(conv(3, 4, 3, 2, 1), BatchNorm2d(4), ReLU(), conv(4, 8, 3, 2, 1),
                                   BatchNorm2d(8), ReLU(), conv(8, 8, 5, 2, 2), BatchNorm2d(8))},
      {"head", Sequential(ReLU(), torch::nn::AvgPool2d(2), conv(3, 5, 1, 1, 0), BatchNorm2d(5),
                          ReLU(), conv(5, 7, 2, 1, 0), BatchNorm2d(7), ReLU())},
      {"head without batch norm", Sequential(conv(3, 5, 2, 2, 0), ReLU(), conv(5, 7, 3, 1, 0))},
      {"what has no kernels",
       Sequential(Conv2d(Conv2dOptions(3, 6, {1, 3}).padding({0, 1}).bias(false)), BatchNorm2d(6),
                  ReLU(), Conv2d(Conv2dOptions(6, 6, 3).padding(2).dilation(2)), BatchNorm2d(6),
                  Conv2d(Conv2dOptions(6, 6, 3).padding(1).groups(2).bias(false)),
                  Conv2d(Conv2dOptions(6, 6, 3).padding(1).stride(3).bias(false)))},
  };
}

/// y, the gradients of x and of all weights, and what became of the buffers.
std::vector<at::Tensor> run(const Sequential& chain, Execution execution, at::ScalarType type) {
  Sequential copy(std::dynamic_pointer_cast<torch::nn::SequentialImpl>(chain->clone()));
  copy->to(type);
  const at::Tensor x = random_normal({5, 3, 12, 11}, 7).to(type).requires_grad_();
  const at::Tensor y = run_chain(copy, x, execution);
  std::vector<at::Tensor> inputs = copy->parameters();
  inputs.insert(inputs.begin(), x);
  std::vector<at::Tensor> all =
      torch::autograd::grad({y}, inputs, {random_normal(y.sizes(), 8).to(type)});
  all.push_back(y.detach());
  for (const at::Tensor& buffer : copy->buffers()) {
    all.push_back(buffer.to(type));
  }
  copy->eval();
  const c10::NoGradGuard no_grad;
  all.push_back(run_chain(copy, x, execution));
  return all;
}

TEST(RunChain, EqualsTheModulesUpToRounding) {
  for (const auto& [name, chain] : chains()) {
    SCOPED_TRACE(name);
    const auto expected = run(chain, Execution::plain, at::kDouble);
    const auto found = run(chain, Execution::fused, at::kDouble);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(found[i].allclose(expected[i], 1e-10, 1e-11)) << "tensor " << i;
    }
  }
}

TEST(RunChain, DoesNotDependOnTheNumberOfThreads) {
  for (const auto& [name, chain] : chains()) {
    if (name == "what has no kernels") {
      continue;
    }
    SCOPED_TRACE(name);
    testing::expect_independent_of_threads([&, &tested = chain] {
      return testing::by_place(run(tested, Execution::fused, at::kFloat));
    });
  }
}

}  // namespace
}  // namespace darts
