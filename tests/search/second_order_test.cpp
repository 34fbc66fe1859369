#include "search/small_search.hpp"

#include <darts/search/architect.hpp>

#include <ATen/ops/allclose.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/api/include/torch/autograd.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

using testing::Golden;
using testing::relative_error;
using testing::small_batch;
using Tensors = std::vector<at::Tensor>;

constexpr double learning_rate = 0.05;
constexpr double momentum = 0.9;
constexpr double weight_decay = 3e-4;

at::Tensor loss_of(Supernet& supernet, const Batch& batch) {
  return at::cross_entropy_loss(testing::logits_of(*supernet, batch.images), batch.labels);
}

Tensors alphas_of(const Supernet& supernet) {
  return {supernet->alphas().normal, supernet->alphas().reduce};
}

/// Gradients by autograd alone; an input without influence gets zeros.
Tensors autograd(const at::Tensor& output, const Tensors& inputs, bool create_graph = false) {
  Tensors gradients = torch::autograd::grad({output}, inputs, {}, true, create_graph, true);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!gradients[i].defined()) {
      gradients[i] = at::zeros_like(inputs[i]);
    }
  }
  return gradients;
}

void shift(const Tensors& tensors, const Tensors& direction, double scale) {
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].add_(direction[i], scale);
  }
}

double norm_of(const Tensors& tensors) {
  double square = 0.0;
  for (const at::Tensor& tensor : tensors) {
    square += tensor.pow(2).sum().item<double>();
  }
  return std::sqrt(square);
}

/// A supernet, the optimizer of its weights, and the architect under test.
class SecondOrder : public ::testing::Test {
 protected:
  explicit SecondOrder(SupernetOptions options = testing::small_options())
      : supernet_(testing::small_supernet(options)),
        weights_(supernet_->weights()),
        sgd_(flatten_weights(supernet_), {momentum, /*nesterov=*/false, weight_decay, 1e9}) {}

  /// Steps of w, after which the optimizer has momentum buffers.
  void train(int steps) {
    for (int i = 0; i < steps; ++i) {
      sgd_.weights().differentiate(loss_of(supernet_, small_batch(50 + static_cast<unsigned>(i))));
      sgd_.step(learning_rate);
    }
  }

  /// Of each weight; empty before the first step.
  Tensors momentum_buffers() const {
    NamedTensors state;
    const std::vector<std::string> names = supernet_->weight_names();
    sgd_.collect(names, "w", state);
    Tensors buffers;
    for (const std::string& name : names) {
      if (!state.empty()) {
        buffers.push_back(state.at("w." + name + ".momentum_buffer"));
      }
    }
    return buffers;
  }

  std::unique_ptr<Architect> architect(double difference_scale = 0.01) {
    return make_second_order_architect({supernet_,
                                        testing::theta_pass(supernet_, sgd_.shared_weights()),
                                        &sgd_, difference_scale});
  }

  /// w' − w, by autograd and the definition of SGD.
  Tensors unrolled_step() {
    const c10::NoGradGuard no_grad;
    Tensors step;
    {
      const at::AutoGradMode with_grad(true);
      step = autograd(loss_of(supernet_, train_), weights_);
    }
    const Tensors buffers = momentum_buffers();
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      step[i] = step[i] + weight_decay * weights_[i];
      if (!buffers.empty()) {
        step[i] += momentum * buffers[i];
      }
      step[i] = -learning_rate * step[i];
    }
    return step;
  }

  struct Exact {
    Tensors direct;     ///< ∇α L_valid(w', α)
    Tensors implicit;   ///< ∇²αw L_train(w, α) · ∇w' L_valid(w', α)
    Tensors direction;  ///< ∇w' L_valid(w', α)
  };

  /// By double backward, without a difference. Leaves w as it was but for rounding.
  Exact exact() {
    supernet_->set_execution({Execution::plain});  // the one that can be differentiated twice
    const Golden before = testing::copy_of_state(*supernet_);
    const Tensors step = unrolled_step();
    shift(weights_, step, 1.0);
    const at::Tensor valid_loss = loss_of(supernet_, valid_);
    Exact exact{autograd(valid_loss, alphas_of(supernet_)), {}, autograd(valid_loss, weights_)};
    testing::load_state(*supernet_, before);

    const Tensors gradients = autograd(loss_of(supernet_, train_), weights_, true);
    at::Tensor product = at::zeros({}, at::kDouble);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      product = product + (gradients[i] * exact.direction[i]).sum();
    }
    exact.implicit = autograd(product, alphas_of(supernet_));
    testing::load_state(*supernet_, before);
    supernet_->set_execution({});
    return exact;
  }

  /// The central difference of equation 8 in place of the implicit term.
  Tensors difference(const Tensors& direction, double epsilon) {
    const Golden before = testing::copy_of_state(*supernet_);
    shift(weights_, direction, epsilon);
    Tensors plus = autograd(loss_of(supernet_, train_), alphas_of(supernet_));
    testing::load_state(*supernet_, before);
    shift(weights_, direction, -epsilon);
    const Tensors minus = autograd(loss_of(supernet_, train_), alphas_of(supernet_));
    testing::load_state(*supernet_, before);
    for (std::size_t i = 0; i < plus.size(); ++i) {
      plus[i] = (plus[i] - minus[i]) / (2.0 * epsilon);
    }
    return plus;
  }

  /// The architect takes equation 8 with ε = scale / ‖∇w' L_valid‖, 0.01 in the paper, and that
  /// tends to the exact derivative as ε does to 0. (At the ε itself ReLUs and max pools switch.)
  void expect_equation_8(double scale = 0.01) {
    const Exact expected = exact();
    const double epsilon = scale / norm_of(expected.direction);
    const Tensors implicit = difference(expected.direction, epsilon);
    const Tensors limit = difference(expected.direction, 1e-3 * 0.01 / scale * epsilon);
    architect(scale)->compute_gradients(train_, valid_, learning_rate, {});
    const Tensors alphas = alphas_of(supernet_);
    for (std::size_t i = 0; i < alphas.size(); ++i) {
      EXPECT_LT(relative_error(alphas[i].grad(), expected.direct[i] - learning_rate * implicit[i]),
                1e-8)
          << i;
      EXPECT_LT(relative_error(limit[i], expected.implicit[i]), 1e-4) << i;
      EXPECT_GT(expected.implicit[i].abs().max().item<double>(), 1e-3) << i;
    }
  }

  Supernet supernet_;
  Tensors weights_;
  FlatSgd sgd_;
  Batch train_ = small_batch(2);
  Batch valid_ = small_batch(3);
};

TEST_F(SecondOrder, IsEquation8WhichTendsToTheExactGradient) { expect_equation_8(); }

TEST_F(SecondOrder, TakesTheDifferenceOverAsLongAStepAsItIsToldTo) { expect_equation_8(0.002); }

TEST_F(SecondOrder, IsEquation8WithMomentumBuffersToo) {
  train(3);
  expect_equation_8();
}

TEST_F(SecondOrder, LeavesWeightsAndBuffersOfTheOptimizerAsTheyWere) {
  train(2);
  const Golden before = testing::copy_of_state(*supernet_);
  Tensors momenta;
  for (const at::Tensor& buffer : momentum_buffers()) {
    momenta.push_back(buffer.clone());
  }
  ASSERT_EQ(momenta.size(), weights_.size());
  architect()->compute_gradients(train_, valid_, learning_rate, {});
  for (const auto& item : supernet_->named_parameters()) {
    EXPECT_TRUE(item.value().equal(before.at(item.key()))) << item.key();
  }
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    EXPECT_TRUE(momentum_buffers()[i].equal(momenta[i]));
    EXPECT_FALSE(weights_[i].grad().defined());
  }
}

TEST_F(SecondOrder, StatisticsMoveInThePassesAtTheWeightsAndBesideThem) {
  const Tensors direction = exact().direction;
  const double epsilon = 0.01 / norm_of(direction);
  const Golden before = testing::copy_of_state(*supernet_);
  {
    const c10::NoGradGuard no_grad;
    loss_of(supernet_, train_);
    shift(weights_, direction, epsilon);
    loss_of(supernet_, train_);
    shift(weights_, direction, -2.0 * epsilon);
    loss_of(supernet_, train_);
  }
  const Golden expected = testing::copy_of_state(*supernet_);
  testing::load_state(*supernet_, before);
  architect()->compute_gradients(train_, valid_, learning_rate, {});
  for (const auto& item : supernet_->named_buffers()) {
    EXPECT_TRUE(at::allclose(item.value(), expected.at(item.key()), 1e-9, 1e-12)) << item.key();
  }
  EXPECT_EQ(testing::state_of(*supernet_).at("stem.1.num_batches_tracked").item<std::int64_t>(), 3);
}

TEST_F(SecondOrder, WeightsSurviveAnException) {
  const Golden before = testing::copy_of_state(*supernet_);
  const Batch wrong{valid_.images.slice(1, 0, 2), valid_.labels};  // two channels
  EXPECT_THROW(architect()->compute_gradients(train_, wrong, learning_rate, {}), c10::Error);
  for (const auto& item : supernet_->named_parameters()) {
    EXPECT_TRUE(item.value().equal(before.at(item.key()))) << item.key();
  }
}

TEST_F(SecondOrder, WithoutALearningRateItIsFirstOrder) {
  const Tensors expected = autograd(loss_of(supernet_, valid_), alphas_of(supernet_));
  architect()->compute_gradients(train_, valid_, 0.0, {});
  EXPECT_LT(relative_error(supernet_->alphas().normal.grad(), expected[0]), 1e-14);
  EXPECT_LT(relative_error(supernet_->alphas().reduce.grad(), expected[1]), 1e-14);
}

/// One cell, a reduction cell (positions ⌊1/3⌋ and ⌊2/3⌋ are both 0), in which nothing switches
/// between an alpha and the loss.
class SecondOrderSmooth : public SecondOrder {
 protected:
  SecondOrderSmooth() : SecondOrder(smooth()) {}
  static SupernetOptions smooth() {
    SupernetOptions options = testing::small_options();
    options.primitives = everywhere(parse_primitives({"none", "avg_pool_3x3", "skip_connect"}));
    options.cells = 1;
    options.nodes = 3;
    options.channels = 8;
    return options;
  }
};

TEST_F(SecondOrderSmooth, IsNearTheExactGradient) {
  for (const int steps : {0, 3}) {
    train(steps);
    const Exact expected = exact();
    architect()->compute_gradients(train_, valid_, learning_rate, {});
    const at::Tensor gradient = supernet_->alphas().reduce.grad();
    const at::Tensor implicit = (expected.direct[1] - gradient) / learning_rate;
    EXPECT_LT(relative_error(implicit, expected.implicit[1]), 1e-2) << steps;
  }
}

TEST_F(SecondOrderSmooth, AlphasOfCellsThatAreNotThereGetZero) {
  architect()->compute_gradients(train_, valid_, learning_rate, {});
  EXPECT_TRUE(supernet_->alphas().normal.grad().eq(0.0).all().item<bool>());
  EXPECT_FALSE(supernet_->alphas().reduce.grad().eq(0.0).all().item<bool>());
}

}  // namespace
}  // namespace darts
