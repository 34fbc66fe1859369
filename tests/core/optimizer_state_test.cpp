#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"

#include <darts/core/optimizer_state.hpp>

#include <ATen/Functions.h>
#include <torch/optim/adam.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace darts {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using torch::optim::Optimizer;
using Maker = std::function<std::unique_ptr<Optimizer>(std::vector<at::Tensor>)>;

const std::vector<std::string>& names() {
  static const std::vector<std::string> value{"conv.weight", "bias", "never"};
  return value;
}

/// Parameters of which the last never gets a gradient.
std::vector<at::Tensor> parameters() {
  std::vector<at::Tensor> made{
      at::arange(36, at::kFloat).reshape({2, 2, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast),
      at::ones({5}), at::ones({1})};
  for (at::Tensor& parameter : made) {
    parameter.requires_grad_();
  }
  return made;
}

/// Steps number `from` to `to`, each with gradients of its own.
void steps(Optimizer& optimizer, std::vector<at::Tensor>& tensors, int from, int to) {
  for (int step = from; step < to; ++step) {
    for (std::size_t i = 0; i < 2; ++i) {
      tensors[i].mutable_grad() = at::sin(tensors[i].detach() * (step + 1) + 0.3);
    }
    optimizer.step();
  }
}

Maker sgd(double momentum) {
  return [momentum](std::vector<at::Tensor> tensors) {
    return std::make_unique<torch::optim::SGD>(
        std::move(tensors), torch::optim::SGDOptions(0.1).momentum(momentum).weight_decay(3e-4));
  };
}

Maker adam(bool amsgrad) {
  return [amsgrad](std::vector<at::Tensor> tensors) {
    return std::make_unique<torch::optim::Adam>(
        std::move(tensors),
        torch::optim::AdamOptions(3e-4).betas({0.5, 0.999}).weight_decay(1e-3).amsgrad(amsgrad));
  };
}

/// `before` steps, a stop through a file, and `after` more equal as many without a stop.
void expect_same_as_never_stopped(const Maker& make, int before, std::size_t stored) {
  constexpr int all = 7;
  auto reference = parameters();
  const auto reference_optimizer = make(reference);
  steps(*reference_optimizer, reference, 0, all);

  auto first = parameters();
  const auto first_optimizer = make(first);
  steps(*first_optimizer, first, 0, before);
  Checkpoint checkpoint;
  collect_optimizer(*first_optimizer, names(), "w_optimizer", checkpoint.tensors);
  EXPECT_EQ(checkpoint.tensors.size(), stored);
  const testing::TemporaryFolder folder;
  save_checkpoint(folder / "a", checkpoint);

  auto second = parameters();
  const auto second_optimizer = make(second);
  steps(*second_optimizer, second, 0, 1);  // state that has to go
  for (std::size_t i = 0; i < second.size(); ++i) {
    second[i].set_data(first[i].detach().clone());
  }
  restore_optimizer(*second_optimizer, names(), "w_optimizer",
                    load_checkpoint(folder / "a").tensors, "a");
  steps(*second_optimizer, second, before, all);
  for (std::size_t i = 0; i < second.size(); ++i) {
    EXPECT_TRUE(at::equal(second[i], reference[i])) << names()[i];
  }
}

TEST(OptimizerState, SgdGoesOnBitForBit) {
  expect_same_as_never_stopped(sgd(0.9), 3, 2);
  expect_same_as_never_stopped(sgd(0.9), 0, 0);
  expect_same_as_never_stopped(sgd(0.0), 3, 0);
}

TEST(OptimizerState, AdamGoesOnBitForBit) {
  expect_same_as_never_stopped(adam(false), 3, 6);
  expect_same_as_never_stopped(adam(false), 0, 0);
  expect_same_as_never_stopped(adam(true), 3, 8);
}

TEST(OptimizerState, RefusesAnotherOptimizersState) {
  auto tensors = parameters();
  const auto source = adam(false)(tensors);
  steps(*source, tensors, 0, 1);
  NamedTensors state;
  collect_optimizer(*source, names(), "o", state);
  const auto target = sgd(0.9)(tensors);
  EXPECT_THAT(error_of([&] { restore_optimizer(*target, names(), "o", state, "a"); }),
              HasSubstr("a does not fit this optimizer: o.conv.weight.momentum_buffer is missing"));
  EXPECT_TRUE(target->state().empty());
}

TEST(OptimizerState, RefusesIncompleteForeignAndMisshapenState) {
  auto tensors = parameters();
  const auto optimizer = adam(false)(tensors);
  steps(*optimizer, tensors, 0, 1);
  NamedTensors good;
  collect_optimizer(*optimizer, names(), "o", good);
  const auto refused = [&](const NamedTensors& state) {
    return error_of([&] { restore_optimizer(*optimizer, names(), "o", state, "a"); });
  };
  NamedTensors bad = good;
  bad.erase("o.bias.exp_avg_sq");
  EXPECT_THAT(refused(bad), HasSubstr("o.bias.exp_avg_sq is missing"));
  bad = good;
  bad["o.other.step"] = at::zeros({}, at::kLong);
  EXPECT_THAT(refused(bad), HasSubstr("o.other.step is not part of this optimizer"));
  bad = good;
  bad["o.bias.exp_avg"] = at::zeros({6});
  EXPECT_THAT(refused(bad), HasSubstr("o.bias.exp_avg has shape [6] in the checkpoint, [5] in"));
}

TEST(OptimizerState, WantsOneNameAParameterAndAKnownOptimizer) {
  auto tensors = parameters();
  const auto optimizer = sgd(0.9)(tensors);
  NamedTensors state;
  EXPECT_THROW(collect_optimizer(*optimizer, {"a"}, "o", state), c10::Error);
  EXPECT_THROW(collect_optimizer(*optimizer, {"a", "b", "c", "d"}, "o", state), c10::Error);
  torch::optim::RMSprop unknown(tensors);
  EXPECT_THROW(restore_optimizer(unknown, names(), "o", state, "a"), c10::Error);
}

}  // namespace
}  // namespace darts
