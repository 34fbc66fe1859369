#include "cell/cell_trial.hpp"
#include "fused/run.hpp"

#include <darts/cell/mixed_operation.hpp>

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::CellSetting;
using testing::CellTrial;
using testing::copy_of_state;
using testing::expect_close;
using testing::Golden;
using testing::options_of;
using testing::random_normal;
using testing::relative_error;

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
std::vector<at::Tensor> run_with_threads(const CellSetting& s, int threads) {
  SearchCellOptions options = options_of(s);
  torch::nn::Sequential edges;
  for (std::int64_t node = 0; node < s.nodes; ++node) {
    for (std::int64_t from = 0; from < predecessors(node); ++from) {
      const OperationOptions operation{s.channels, s.reduction && from < cell_inputs ? 2 : 1};
      edges->push_back(MixedOperation(options.primitives, operation));
    }
  }
  initialize_weights(*edges, 7);
  auto plan = std::make_shared<const fused::CellPlan>(fused::plan_cell(options, edges).value());
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  const auto run = fused::make_cell_run(plan, at::kFloat);
  const auto images = [&](std::uint64_t seed) {
    return random_normal({s.images, s.channels, s.height, s.width}, seed).to(at::kFloat);
  };
  const at::Tensor alphas =
      at::softmax(random_normal({edge_count(s.nodes), std::ssize(s.primitives)}, 3), 1);
  const at::Tensor out = run->forward({images(1), images(2), alphas.to(at::kFloat)}, {});
  const auto gradients = run->backward(random_normal(out.sizes(), 4).to(at::kFloat), {});
  at::set_num_threads(before);
  std::vector<at::Tensor> all{out, gradients.s0, gradients.s1, gradients.alphas};
  all.insert(all.end(), gradients.weights.begin(), gradients.weights.end());
  return all;
}

TEST_P(FusedCell, GivesTheSameBytesWithAnyNumberOfThreads) {
  const auto expected = run_with_threads(GetParam(), 1);
  const auto actual = run_with_threads(GetParam(), 3);
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(actual[i].equal(expected[i])) << i;
  }
}

TEST_P(FusedCell, IsNearThePlainOneInFloat32) {
  const Golden expected = CellTrial(GetParam(), {Execution::plain}, at::kDouble).everything();
  Golden actual = CellTrial(GetParam(), {Execution::fused}, at::kFloat).everything();
  for (auto& [name, tensor] : actual) {
    tensor = tensor.defined() && tensor.is_floating_point() ? tensor.to(at::kDouble) : tensor;
  }
  expect_close(actual, expected, 2e-3);
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

INSTANTIATE_TEST_SUITE_P(Settings, FusedCell, ::testing::ValuesIn(testing::cell_settings()),
                         [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace darts
