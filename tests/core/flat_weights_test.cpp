#include "core/expect_error.hpp"
#include "support/operator_count.hpp"

#include <darts/core/flat_sgd.hpp>

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/optim/sgd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

const std::vector<std::string> names{"conv.weight", "bias", "unused"};

/// The last one takes no part in the loss.
std::vector<at::Tensor> parameters() {
  std::vector<at::Tensor> made{at::arange(36, at::kDouble).reshape({2, 2, 3, 3}) / 36.0,
                               at::ones({5}, at::kDouble), at::ones({2}, at::kDouble)};
  for (at::Tensor& tensor : made) {
    tensor.requires_grad_();
  }
  return made;
}

at::Tensor loss_of(const std::vector<at::Tensor>& w, double scale) {
  return (at::sin(w[0] * scale)).sum() + (w[1] * w[1] * scale).sum();
}

/// Writes its weight's gradient where it belongs, as the fused execution does.
struct Doubled : torch::autograd::Function<Doubled> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& weight) {
    context->saved_data["weight"] = weight;
    return weight * 2.0;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    at::Tensor out = gradient_for(context->saved_data["weight"].toTensor());
    out.copy_(gradients[0] * 2.0);
    return {out};
  }
};

TEST(FlatWeights, TheGradientIsThatOfAutogradAndZeroWhereThereIsNone) {
  const std::vector<at::Tensor> w = parameters();
  FlatWeights weights(w);
  const at::Tensor alpha = at::full({}, 1.5, at::kDouble).requires_grad_();
  const at::Tensor stranger = at::zeros({3}, at::kDouble).requires_grad_();
  weights.gradient().fill_(99.0);
  const auto others = weights.differentiate(loss_of(w, 2.0) * alpha, {alpha, stranger});
  const auto parts = weights.parameters().windows(weights.gradient());
  const c10::NoGradGuard no_grad;
  EXPECT_TRUE(parts[0].allclose(at::cos(w[0] * 2.0) * 3.0));
  EXPECT_TRUE(parts[1].allclose(w[1] * 6.0));
  EXPECT_TRUE(parts[2].eq(0.0).all().item<bool>());
  EXPECT_TRUE(others[0].allclose(loss_of(w, 2.0)));
  EXPECT_TRUE(others[1].eq(0.0).all().item<bool>());
  EXPECT_FALSE(w[0].grad().defined());
}

TEST(FlatWeights, PartsAddUp) {
  const std::vector<at::Tensor> w = parameters();
  FlatWeights weights(w);
  weights.differentiate(loss_of(w, 2.0) + loss_of(w, 3.0));
  const at::Tensor whole = weights.gradient().clone();
  weights.differentiate(loss_of(w, 2.0));
  weights.add_gradient(loss_of(w, 3.0));
  EXPECT_TRUE(weights.gradient().allclose(whole));
}

TEST(FlatWeights, GradientsOfOurOwnAreWrittenWhereTheyBelong) {
  const std::vector<at::Tensor> w = parameters();
  FlatWeights weights(w);
  const auto copies = testing::count_operators([&] {
    weights.differentiate(Doubled::apply(w[0]).sum() + Doubled::apply(w[1]).sum() +
                          Doubled::apply(w[2]).sum());
  });
  const auto parts = weights.parameters().windows(weights.gradient());
  for (const at::Tensor& part : parts) {
    EXPECT_TRUE(part.eq(2.0).all().item<bool>());
  }
  const auto with_copies = testing::count_operators(
      [&] { weights.differentiate((w[0] * 2.0).sum() + (w[1] * 2.0).sum() + (w[2] * 2.0).sum()); });
  EXPECT_LE(copies.launches, with_copies.launches + 3);  // Doubled's own three, and no gathering
}

TEST(FlatWeights, NobodyElsesGradientsShareTheirMemory) {
  const std::vector<at::Tensor> w = parameters();
  FlatWeights weights(w);
  const at::Tensor before = weights.gradient().clone();
  const auto mine = gradients_of((Doubled::apply(w[0]) * 3.0).sum(), {w[0]});
  const auto again = gradients_of((Doubled::apply(w[0]) * 5.0).sum(), {w[0]});
  EXPECT_TRUE(mine[0].eq(6.0).all().item<bool>());
  EXPECT_TRUE(again[0].eq(10.0).all().item<bool>());
  EXPECT_TRUE(weights.gradient().equal(before));
  Doubled::apply(w[1]).sum().backward();
  Doubled::apply(w[1]).sum().backward();
  EXPECT_TRUE(w[1].grad().eq(4.0).all().item<bool>());
}

TEST(FlatWeights, TwoOfOneNetworkKeepGradientsOfTheirOwn) {
  const std::vector<at::Tensor> w = parameters();
  FlatWeights first(w);
  {
    FlatWeights second(w);
    first.differentiate((Doubled::apply(w[0]) * 3.0).sum());
    second.differentiate((Doubled::apply(w[0]) * 5.0).sum());
    EXPECT_TRUE(first.parameters().windows(first.gradient())[0].eq(6.0).all().item<bool>());
    EXPECT_TRUE(second.parameters().windows(second.gradient())[0].eq(10.0).all().item<bool>());
    EXPECT_TRUE(first.values().is_alias_of(second.values()));
  }
  first.differentiate((Doubled::apply(w[0]) * 7.0).sum());
  EXPECT_TRUE(first.parameters().windows(first.gradient())[0].eq(14.0).all().item<bool>());
}

/// torch.optim.SGD with PyTorch's clipping, on parameters of their own.
void reference_step(torch::optim::SGD& optimizer, const std::vector<at::Tensor>& w, double scale,
                    double clip_norm) {
  optimizer.zero_grad();
  loss_of(w, scale).backward();
  w[2].mutable_grad() = at::zeros_like(w[2]);
  double square = 0.0;
  for (const at::Tensor& tensor : w) {
    square += tensor.grad().pow(2).sum().item<double>();
  }
  const double factor = std::min(1.0, clip_norm / (std::sqrt(square) + 1e-6));
  for (const at::Tensor& tensor : w) {
    tensor.mutable_grad().mul_(factor);
  }
  optimizer.step();
}

TEST(FlatSgd, IsTorchsWithClipping) {
  for (const auto& [momentum, nesterov, clip_norm] :
       {std::tuple(0.9, false, 1.0), {0.9, true, 1.0}, {0.0, false, 1.0}, {0.9, false, 1e6}}) {
    const std::vector<at::Tensor> w = parameters();
    const std::vector<at::Tensor> expected = parameters();
    const auto weights = std::make_shared<FlatWeights>(w);
    FlatSgd sgd(weights, {momentum, nesterov, 0.01, clip_norm});
    torch::optim::SGD reference(
        expected,
        torch::optim::SGDOptions(0.1).momentum(momentum).nesterov(nesterov).weight_decay(0.01));
    for (int step = 0; step < 4; ++step) {
      weights->differentiate(loss_of(w, 1.0 + step));
      const double norm = weights->gradient().norm().item<double>();
      EXPECT_NEAR(sgd.clip().item<double>(), norm, 1e-12 * norm);
      EXPECT_LE(weights->gradient().norm().item<double>(), std::min(norm, clip_norm) + 1e-12);
      sgd.step(0.1);
      reference_step(reference, expected, 1.0 + step, clip_norm);
      for (std::size_t i = 0; i < w.size(); ++i) {
        EXPECT_TRUE(w[i].allclose(expected[i], 1e-13, 1e-13)) << momentum << nesterov << step;
      }
    }
  }
}

TEST(FlatSgd, UnrollingIsTheStepThatWouldFollowWithoutClipping) {
  for (const int steps_before : {0, 2}) {
    const std::vector<at::Tensor> w = parameters();
    const auto weights = std::make_shared<FlatWeights>(w);
    FlatSgd sgd(weights, {0.9, false, 0.01, 1e9});
    for (int step = 0; step < steps_before; ++step) {
      weights->differentiate(loss_of(w, 1.0 + step));
      sgd.step(0.1);
    }
    const at::Tensor before = weights->values().clone();
    weights->differentiate(loss_of(w, 3.0));
    sgd.unroll(0.2);
    const at::Tensor unrolled = weights->values().clone();
    weights->values().copy_(before);
    weights->differentiate(loss_of(w, 3.0));
    sgd.step(0.2);
    EXPECT_TRUE(weights->values().allclose(unrolled, 1e-14, 1e-14)) << steps_before;
  }
}

TEST(FlatSgd, TakesAHandfulOfOperators) {
  const std::vector<at::Tensor> w = parameters();
  const auto weights = std::make_shared<FlatWeights>(w);
  FlatSgd sgd(weights, {0.9, true, 0.01, 1.0});
  weights->differentiate(loss_of(w, 1.0));
  sgd.step(0.1);  // which makes the momentum buffer
  const auto step = testing::count_operators([&] {
    sgd.clip();
    sgd.step(0.1);
  });
  EXPECT_LE(step.launches, 10);
  EXPECT_GE(step.launches, 4);
  const auto unrolling = testing::count_operators([&] {
    FlatRestore w_before({weights->values()});
    sgd.unroll(0.1);
  });
  EXPECT_LE(unrolling.launches, 8);
  EXPECT_GE(unrolling.launches, 3);
}

TEST(FlatSgd, GoesOnFromItsState) {
  const std::vector<at::Tensor> w = parameters();
  const auto weights = std::make_shared<FlatWeights>(w);
  FlatSgd sgd(weights, {});
  NamedTensors nothing;
  sgd.collect(names, "w", nothing);
  EXPECT_TRUE(nothing.empty());
  weights->differentiate(loss_of(w, 1.0));
  sgd.step(0.1);
  NamedTensors state;
  sgd.collect(names, "w", state);
  ASSERT_EQ(state.size(), 3);
  EXPECT_EQ(state.at("w.conv.weight.momentum_buffer").sizes(), w[0].sizes());
  for (auto& [name, tensor] : state) {
    tensor = tensor.clone();
  }
  FlatSgd other(weights, {});
  other.restore(names, "w", state, "file");
  const at::Tensor before = weights->values().clone();
  const at::Tensor gradient = weights->gradient().clone();
  sgd.step(0.1);
  const at::Tensor expected = weights->values().clone();
  weights->values().copy_(before);
  weights->gradient().copy_(gradient);
  other.step(0.1);
  EXPECT_TRUE(weights->values().equal(expected));
}

TEST(FlatSgd, AStateThatDoesNotFitIsRefused) {
  const std::vector<at::Tensor> w = parameters();
  const auto weights = std::make_shared<FlatWeights>(w);
  FlatSgd sgd(weights, {});
  NamedTensors state{{"w.conv.weight.momentum_buffer", at::zeros({2, 2, 3, 3}, at::kDouble)},
                     {"w.bias.momentum_buffer", at::zeros({4}, at::kDouble)},
                     {"w.unused.momentum_buffer", at::zeros({2}, at::kDouble)}};
  EXPECT_THAT(error_of([&] { sgd.restore(names, "w", state, "a file"); }),
              ::testing::AllOf(HasSubstr("a file"), HasSubstr("w.bias.momentum_buffer")));
  state.erase("w.bias.momentum_buffer");
  EXPECT_THAT(error_of([&] { sgd.restore(names, "w", state, "a file"); }),
              HasSubstr("w.bias.momentum_buffer"));
  NamedTensors unmoved;
  sgd.collect(names, "w", unmoved);
  EXPECT_TRUE(unmoved.empty());
}

}  // namespace
}  // namespace darts
