#include "cell/cell_trial.hpp"
#include "fused/run.hpp"
#include "support/operator_count.hpp"
#include "support/threads.hpp"

#include <darts/cell/mixed_operation.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::active_of;
using testing::CellSetting;
using testing::CellTrial;
using testing::copy_of_state;
using testing::expect_close;
using testing::Golden;
using testing::options_of;
using testing::random_normal;
using testing::relative_error;

/// In float64, to compare it with what was computed in that.
Golden widened(Golden all) {
  for (auto& [name, tensor] : all) {
    tensor = tensor.defined() && tensor.is_floating_point() ? tensor.to(at::kDouble) : tensor;
  }
  return all;
}

constexpr ExecutionOptions storing_bf16{Execution::fused, /*recompute=*/false, Precision::bf16};

class FusedCell : public ::testing::TestWithParam<CellSetting> {};

TEST_P(FusedCell, ComputesWhatThePlainOneDoes) {
  const Golden expected = CellTrial(GetParam(), {Execution::plain}).everything();
  expect_close(CellTrial(GetParam(), {Execution::fused}).everything(), expected, 1e-11);
}

TEST_P(FusedCell, ComputesTheSameWhenItRecomputes) {
  const Golden expected = CellTrial(GetParam(), {Execution::fused}).everything();
  const Golden actual = CellTrial(GetParam(), {Execution::fused, /*recompute=*/true}).everything();
  expect_close(actual, expected, 1e-15);
}

/// The fused part alone, without LibTorch's operations before it: everything that comes out.
std::vector<at::Tensor> run_with_threads(const CellSetting& s, int threads, Precision storage) {
  SearchCellOptions options = options_of(s);
  torch::nn::Sequential edges;
  for (std::int64_t node = 0; node < s.nodes; ++node) {
    for (std::int64_t from = 0; from < predecessors(node); ++from) {
      const OperationOptions operation{s.channels, s.reduction && from < cell_inputs ? 2 : 1};
      edges->push_back(
          MixedOperation(options.primitives.of(std::ssize(*edges)), operation, options.edge));
    }
  }
  initialize_weights(*edges, 7);
  set_skip_dropout(*edges, s.skip_dropout);
  set_edge_drop_path(*edges, s.drop_path);
  auto plan = std::make_shared<const plan::CellPlan>(plan::plan_cell(options, edges));
  const testing::Threads guard(threads);
  fused::CellRun run(plan);
  const auto images = [&](std::uint64_t seed) {
    return random_normal({s.images, s.channels, s.height, s.width}, seed).to(at::kFloat);
  };
  const at::Tensor mixing =
      at::softmax(random_normal({edge_count(s.nodes), options.columns()}, 3), 1);
  const at::Tensor out = run.forward({images(1), images(2), mixing.to(at::kFloat)},
                                     {.storage = storage, .active = active_of(s)});
  const auto gradients = run.backward(random_normal(out.sizes(), 4).to(at::kFloat), {});
  std::vector<at::Tensor> all{out, gradients.s0, gradients.s1, gradients.mixing};
  all.insert(all.end(), gradients.weights.begin(), gradients.weights.end());
  return all;
}

TEST_P(FusedCell, GivesTheSameBytesWithAnyNumberOfThreads) {
  for (const Precision storage : {Precision::fp32, Precision::bf16}) {
    const auto expected = run_with_threads(GetParam(), 1, storage);
    const auto actual = run_with_threads(GetParam(), 3, storage);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(actual[i].defined(), expected[i].defined()) << i;  // of operations that were run
      EXPECT_TRUE(!actual[i].defined() || actual[i].equal(expected[i])) << i;
    }
  }
}

TEST_P(FusedCell, IsNearThePlainOneInFloat32) {
  const Golden expected = CellTrial(GetParam(), {Execution::plain}, at::kDouble).everything();
  expect_close(widened(CellTrial(GetParam(), {Execution::fused}, at::kFloat).everything()),
               expected, 2e-3);
}

/// Takes the gradients of weights and of the cell's inputs out of `all`, as one row.
at::Tensor take_gradients(Golden& all) {
  std::vector<at::Tensor> rows{at::zeros({1}, at::kDouble)};
  std::erase_if(all, [&](const auto& item) {
    const bool taken = item.first.starts_with("grad _ops") || item.first.starts_with("grad s");
    if (taken && item.second.defined()) {
      rows.push_back(item.second.flatten());
    }
    return taken;
  });
  return at::cat(rows);
}

/// Rounding moves z by up to 2⁻⁸, and a few values over the edge of a ReLU: single gradients,
/// sums of many that nearly cancel here, notice that much more than all together.
TEST_P(FusedCell, IsNearThePlainOneWhenItStoresBFloat16) {
  Golden expected = CellTrial(GetParam(), {Execution::plain}, at::kDouble).everything();
  Golden actual = widened(CellTrial(GetParam(), storing_bf16, at::kFloat).everything());
  const at::Tensor gradients = take_gradients(expected);
  const at::Tensor difference = take_gradients(actual) - gradients;
  const double kept = (1.0 - GetParam().skip_dropout) * (1.0 - GetParam().drop_path);
  const double tolerance = 0.05 / kept;  // what is kept is made so much larger, with its rounding
  EXPECT_LE(difference.norm().item<double>(), tolerance * gradients.norm().item<double>());
  expect_close(actual, expected, tolerance);
}

TEST_P(FusedCell, StoringBFloat16GivesTheSameBytesWhenItRecomputes) {
  const Golden expected = CellTrial(GetParam(), storing_bf16, at::kFloat).everything();
  ExecutionOptions recompute = storing_bf16;
  recompute.recompute = true;
  for (const auto& [name, tensor] : CellTrial(GetParam(), recompute, at::kFloat).everything()) {
    EXPECT_TRUE(!tensor.defined() || tensor.equal(expected.at(name))) << name;
  }
}

TEST_P(FusedCell, EvaluationModeUsesTheRunningStatistics) {
  const c10::NoGradGuard no_grad;
  CellTrial plain(GetParam(), {Execution::plain});
  CellTrial fused(GetParam(), {Execution::fused});
  for (CellTrial* trial : {&plain, &fused}) {
    trial->forward();
    trial->cell->eval();
  }
  EXPECT_LT(relative_error(fused.forward(), plain.forward()), 1e-11);
  expect_close(copy_of_state(*fused.cell), copy_of_state(*plain.cell), 1e-11);
}

/// Of whatever they are, by running statistics that do not move.
TEST_P(FusedCell, HasThePlainWaysGradientsInEvaluationMode) {
  const bool has_weights = !CellTrial(GetParam(), {Execution::plain})
                                .cell->named_children()["_ops"]
                                ->parameters()
                                .empty();
  for (const bool weights_alone : {false, true}) {
    if (weights_alone && !has_weights) {
      continue;
    }
    Golden all[2];
    for (const Execution execution : {Execution::plain, Execution::fused}) {
      CellTrial trial(GetParam(), {execution});
      trial.forward();
      trial.cell->eval();
      if (weights_alone) {
        for (at::Tensor* input : {&trial.s0, &trial.s1, &trial.mixing}) {
          *input = input->detach();
        }
        for (const auto& parameter : trial.cell->named_parameters()) {
          parameter.value().requires_grad_(parameter.key().starts_with("_ops"));
        }
      }
      all[execution == Execution::fused ? 1 : 0] = trial.everything();
    }
    expect_close(all[1], all[0], 1e-11);
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, FusedCell, ::testing::ValuesIn(testing::cell_settings()),
                         [](const auto& setting) { return setting.param.name; });

/// What is kept from one pass to the other shows in what the backward pass must make again.
TEST(FusedCellMemory, IsLessThanPlainAndRecomputingKeepsLess) {
  const CellSetting setting{
      .name = "large", .images = 8, .channels = 16, .height = 16, .width = 16};
  struct Peaks {
    std::int64_t forward;
    std::int64_t backward;  // beyond what was there after the forward pass
  };
  const auto peaks = [&](const ExecutionOptions& execution) {
    CellTrial trial(setting, execution, at::kFloat);
    at::Tensor out;
    const auto forward = testing::count_operators([&] { out = trial.forward(); });
    const at::Tensor gradient = random_normal(out.sizes(), 4).to(at::kFloat);
    const auto backward = testing::count_operators([&] { out.backward(gradient); });
    return Peaks{forward.peak_bytes, backward.peak_bytes};
  };
  const Peaks plain = peaks({Execution::plain});
  const Peaks kept = peaks({Execution::fused});
  const Peaks recomputed = peaks({Execution::fused, /*recompute=*/true});
  EXPECT_LT(2 * kept.forward, plain.forward);
  EXPECT_GT(recomputed.backward, kept.backward + kept.forward / 2);
}

TEST(FusedCellInputs, OfUnequalSizesAreRefused) {
  const CellSetting setting{.name = "unequal"};
  for (const std::int64_t dimension : {0, 2, 3}) {
    CellTrial trial(setting, {Execution::fused});
    trial.s0 = trial.s0.detach().narrow(dimension, 1, trial.s0.size(dimension) - 1);
    EXPECT_THROW(trial.forward(), c10::Error) << dimension;
  }
}

TEST(FusedCellInputs, OfASingleValueAChannelAreRefusedInTraining) {
  CellSetting setting{.name = "single", .images = 1, .height = 2, .width = 2, .reduction = true};
  CellTrial trial(setting, {Execution::fused});
  EXPECT_THROW(trial.forward(), c10::Error);
}

/// A pass may go backward with more threads than it went forward with.
TEST(FusedCellThreads, MayChangeBetweenThePasses) {
  const CellSetting setting{.name = "threads", .images = 40};
  const Golden expected = CellTrial(setting, {Execution::fused}).everything();
  CellTrial trial(setting, {Execution::fused});
  at::Tensor out;
  {
    const testing::Threads one(1);
    out = trial.forward();
  }
  {
    const testing::Threads four(4);
    out.backward(random_normal(out.sizes(), 4));
  }
  EXPECT_TRUE(trial.s0.grad().equal(expected.at("grad s0")));
  EXPECT_TRUE(trial.mixing.grad().equal(expected.at("grad mixing")));
}

/// A cell with an operation that has no kernel runs the others by theirs, one at a time.
TEST(FusedCellWithOtherPrimitives, ComputesWhatThePlainOneDoesInFewerOperations) {
  const CellSetting setting{
      .name = "other",
      .reduction = true,
      .primitives = {"none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "conv_7x1_1x7"}};
  CellTrial plain(setting, {Execution::plain});
  CellTrial fused(setting, {Execution::fused});
  EXPECT_FALSE(fused.cell->has_kernels());
  Golden expected;
  Golden actual;
  const auto plain_count = testing::count_operators([&] { expected = plain.everything(); });
  const auto fused_count = testing::count_operators([&] { actual = fused.everything(); });
  expect_close(actual, expected, 1e-11);
  EXPECT_LT(fused_count.launches, plain_count.launches);
}

}  // namespace
}  // namespace darts
