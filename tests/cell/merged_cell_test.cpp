#include "cell/cell_trial.hpp"
#include "support/operator_count.hpp"

#include <c10/core/GradMode.h>
#include <torch/csrc/api/include/torch/autograd.h>

namespace darts {
namespace {

using testing::CellSetting;
using testing::CellTrial;
using testing::copy_of_state;
using testing::expect_close;
using testing::Golden;
using testing::OperatorCount;
using testing::random_normal;
using testing::relative_error;

class MergedCell : public ::testing::TestWithParam<CellSetting> {};

TEST_P(MergedCell, ComputesWhatThePlainOneDoes) {
  const Golden expected = CellTrial(GetParam(), {Execution::plain}).everything();
  expect_close(CellTrial(GetParam(), {Execution::merged}).everything(), expected, 1e-11);
}

TEST_P(MergedCell, EvaluationModeUsesTheRunningStatistics) {
  CellTrial plain(GetParam(), {Execution::plain});
  CellTrial merged(GetParam(), {Execution::merged});
  for (CellTrial* trial : {&plain, &merged}) {
    const c10::NoGradGuard no_grad;
    trial->forward();
    trial->cell->eval();
  }
  const Golden expected = plain.everything();
  expect_close(merged.everything(), expected, 1e-11);
}

/// Operations that the plan knows nothing of run as their modules, beside the others.
TEST(MergedCellWithOtherPrimitives, ComputesWhatThePlainOneDoes) {
  const CellSetting setting{.name = "other",
                            .reduction = true,
                            .edges = {{"noise", "sep_conv_3x3"},
                                      {"conv_7x1_1x7", "skip_connect"},
                                      {"sep_conv_3x3", "noise"},
                                      {"noise"},
                                      {"conv_7x1_1x7", "sep_conv_3x3", "max_pool_3x3"}}};
  const Golden expected = CellTrial(setting, {Execution::plain}).everything();
  expect_close(CellTrial(setting, {Execution::merged}).everything(), expected, 1e-11);
}

/// Of a function of alpha, in the direction of that gradient itself.
at::Tensor second_derivative(CellTrial trial) {
  const at::Tensor out = trial.forward();
  const at::Tensor loss = (out * random_normal(out.sizes(), 4)).pow(2).mean();
  const at::Tensor gradient =
      torch::autograd::grad({loss}, {trial.mixing}, {}, std::nullopt, /*create_graph=*/true)[0];
  return torch::autograd::grad({gradient.pow(2).sum()}, {trial.mixing})[0];
}

TEST(MergedCellDerivatives, CanBeTakenTwice) {
  const CellSetting setting{.name = "reduction", .reduction = true};
  EXPECT_LT(relative_error(second_derivative(CellTrial(setting, {Execution::merged})),
                           second_derivative(CellTrial(setting, {Execution::plain}))),
            1e-9);
}

/// Forward and backward pass of a cell of the paper's in bfloat16, for which the plain operations
/// have no kernels of ours, as on a GPU.
OperatorCount count_cell(Execution execution, bool reduction) {
  CellSetting setting;
  setting.images = 2;
  setting.channels = 16;
  setting.height = setting.width = 16;
  setting.nodes = 4;
  setting.reduction = reduction;
  CellTrial trial(setting, {execution}, at::kFloat);
  trial.cell->to(at::kBFloat16);
  const auto run = [&] {
    const auto half = [](const at::Tensor& x) { return x.to(at::kBFloat16); };
    trial.cell->forward(half(trial.s0), half(trial.s1), half(trial.mixing)).sum().backward();
  };
  return testing::count_operators(run);
}

TEST(MergedCellOperators, AreFewerThanThePlainOnesAndTakeLessMemory) {
  for (const bool reduction : {false, true}) {
    const OperatorCount plain = count_cell(Execution::plain, reduction);
    const OperatorCount merged = count_cell(Execution::merged, reduction);
    RecordProperty(reduction ? "reduction" : "normal",
                   std::to_string(plain.launches) + " and " + std::to_string(merged.launches) +
                       " operators, " + std::to_string(plain.peak_bytes) + " and " +
                       std::to_string(merged.peak_bytes) + " bytes");
    EXPECT_GT(plain.launches, 2 * merged.launches) << (reduction ? "reduction" : "normal");
    EXPECT_GT(plain.peak_bytes, 3 * merged.peak_bytes / 2) << (reduction ? "reduction" : "normal");
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, MergedCell, ::testing::ValuesIn(testing::cell_settings()),
                         [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace darts
