#include "fused/run.hpp"
#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <darts/cell/mixed_operation.hpp>
#include <darts/cell/search_cell.hpp>
#include <darts/cell/topology.hpp>
#include <darts/ops/initialize.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <algorithm>

namespace darts {
namespace {

using testing::Golden;
using testing::random_normal;
using testing::relative_error;

struct Setting {
  std::string name;
  std::int64_t images = 3;
  std::int64_t channels = 4;
  std::int64_t height = 8;  ///< of the cell's inputs
  std::int64_t width = 8;
  std::int64_t nodes = 2;
  bool reduction = false;
  bool reduction_prev = false;
  std::vector<std::string> primitives = primitive_names(default_primitives());

  friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

SearchCellOptions options_of(const Setting& s) {
  SearchCellOptions options;
  options.primitives = parse_primitives(s.primitives);
  options.nodes = s.nodes;
  options.channels_prev_prev = 5;
  options.channels_prev = 6;
  options.channels = s.channels;
  options.reduction = s.reduction;
  options.reduction_prev = s.reduction_prev;
  return options;
}

/// A cell, what goes through it, and what comes out.
struct Trial {
  Trial(const Setting& s, const ExecutionOptions& execution, at::ScalarType type = at::kDouble)
      : cell(options_of(s)) {
    initialize_weights(*cell, 7);
    if (type == at::kDouble) {
      testing::make_double(*cell);
    }
    cell->set_execution(execution);
    const std::int64_t step = s.reduction_prev ? 2 : 1;
    s0 = random_normal({s.images, 5, step * s.height, step * s.width}, 1).to(type);
    s1 = random_normal({s.images, 6, s.height, s.width}, 2).to(type);
    const std::int64_t edges = edge_count(s.nodes);
    alphas = at::softmax(random_normal({edges, std::ssize(s.primitives)}, 3), 1).to(type);
    for (const at::Tensor& input : {s0, s1, alphas}) {
      input.requires_grad_();
    }
  }

  at::Tensor forward() { return cell->forward(s0, s1, alphas); }

  /// Output, gradients of inputs, alpha and all weights, and running statistics, by name.
  Golden everything() {
    const at::Tensor out = forward();
    out.backward(random_normal(out.sizes(), 4).to(out.scalar_type()));
    Golden all = testing::copy_of_state(*cell);
    for (const auto& parameter : cell->named_parameters()) {
      all["grad " + parameter.key()] = parameter.value().grad();
    }
    all["grad s0"] = s0.grad();
    all["grad s1"] = s1.grad();
    all["grad alphas"] = alphas.grad();
    all["out"] = out.detach();
    return all;
  }

  SearchCell cell;
  at::Tensor s0, s1, alphas;
};

/// max |a − b| / max |b|; what is smaller than 0.01 by nature (means of normalised values) counts
/// as that.
double error_of(const at::Tensor& actual, const at::Tensor& expected) {
  return (actual - expected).abs().max().item<double>() /
         std::max(expected.abs().max().item<double>(), 1e-2);
}

void expect_close(const Golden& actual, const Golden& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name)) << name;
    ASSERT_EQ(actual.at(name).defined(), tensor.defined()) << name;
    if (tensor.defined()) {
      ASSERT_EQ(actual.at(name).sizes(), tensor.sizes()) << name;
      EXPECT_LT(error_of(actual.at(name), tensor), tolerance) << name;
    }
  }
}

/// In float64, to compare it with what was computed in that.
Golden widened(Golden all) {
  for (auto& [name, tensor] : all) {
    tensor = tensor.defined() && tensor.is_floating_point() ? tensor.to(at::kDouble) : tensor;
  }
  return all;
}

constexpr ExecutionOptions storing_bf16{Execution::fused, /*recompute=*/false, Precision::bf16};

class FusedCell : public ::testing::TestWithParam<Setting> {};

TEST_P(FusedCell, ComputesWhatThePlainOneDoes) {
  const Golden expected = Trial(GetParam(), {Execution::plain}).everything();
  expect_close(Trial(GetParam(), {Execution::fused}).everything(), expected, 1e-11);
}

TEST_P(FusedCell, ComputesTheSameWhenItRecomputes) {
  const Golden expected = Trial(GetParam(), {Execution::fused}).everything();
  const Golden actual = Trial(GetParam(), {Execution::fused, /*recompute=*/true}).everything();
  expect_close(actual, expected, 1e-15);
}

/// The fused part alone, without LibTorch's operations before it: everything that comes out.
std::vector<at::Tensor> run_with_threads(const Setting& s, int threads, Precision storage) {
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
  const auto run = fused::make_cell_run(plan, at::kFloat, storage);
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
  for (const Precision storage : {Precision::fp32, Precision::bf16}) {
    const auto expected = run_with_threads(GetParam(), 1, storage);
    const auto actual = run_with_threads(GetParam(), 3, storage);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(actual[i].equal(expected[i])) << i;
    }
  }
}

TEST_P(FusedCell, IsNearThePlainOneInFloat32) {
  const Golden expected = Trial(GetParam(), {Execution::plain}, at::kDouble).everything();
  expect_close(widened(Trial(GetParam(), {Execution::fused}, at::kFloat).everything()), expected,
               2e-3);
}

/// Takes the gradients of the weights out of `all`, as one row.
at::Tensor take_weight_gradients(Golden& all) {
  std::vector<at::Tensor> rows{at::zeros({1}, at::kDouble)};
  std::erase_if(all, [&](const auto& item) {
    const bool taken = item.first.starts_with("grad _ops");
    if (taken) {
      rows.push_back(item.second.flatten());
    }
    return taken;
  });
  return at::cat(rows);
}

/// Rounding moves z by up to 2⁻⁸, and a few values over the edge of a ReLU: single gradients of
/// weights, sums of many that nearly cancel here, notice that much more than all together.
TEST_P(FusedCell, IsNearThePlainOneWhenItStoresBFloat16) {
  Golden expected = Trial(GetParam(), {Execution::plain}, at::kDouble).everything();
  Golden actual = widened(Trial(GetParam(), storing_bf16, at::kFloat).everything());
  const at::Tensor weights = take_weight_gradients(expected);
  const at::Tensor difference = take_weight_gradients(actual) - weights;
  EXPECT_LE(difference.norm().item<double>(), 0.05 * weights.norm().item<double>());
  expect_close(actual, expected, 0.05);
}

TEST_P(FusedCell, StoringBFloat16GivesTheSameBytesWhenItRecomputes) {
  const Golden expected = Trial(GetParam(), storing_bf16, at::kFloat).everything();
  ExecutionOptions recompute = storing_bf16;
  recompute.recompute = true;
  for (const auto& [name, tensor] : Trial(GetParam(), recompute, at::kFloat).everything()) {
    EXPECT_TRUE(!tensor.defined() || tensor.equal(expected.at(name))) << name;
  }
}

TEST_P(FusedCell, EvaluationModeUsesTheRunningStatistics) {
  const c10::NoGradGuard no_grad;
  Trial plain(GetParam(), {Execution::plain});
  Trial fused(GetParam(), {Execution::fused});
  for (Trial* trial : {&plain, &fused}) {
    trial->forward();
    trial->cell->eval();
  }
  EXPECT_LT(relative_error(fused.forward(), plain.forward()), 1e-11);
  expect_close(testing::copy_of_state(*fused.cell), testing::copy_of_state(*plain.cell), 1e-11);
}

const std::vector<Setting> settings = {
    {.name = "normal"},
    {.name = "reduction", .reduction = true},
    {.name = "after_reduction", .reduction_prev = true},
    {.name = "reduction_after_reduction", .reduction = true, .reduction_prev = true},
    {.name = "odd_size", .height = 7, .width = 5, .reduction = true},
    {.name = "one_pixel", .images = 5, .height = 1, .width = 1},
    {.name = "two_by_two", .channels = 2, .height = 4, .width = 4, .reduction = true},
    {.name = "one_channel_more", .channels = 17, .height = 6, .width = 9},
    {.name = "whole_vectors", .channels = 16, .height = 16, .width = 16, .nodes = 4},
    {.name = "many_images", .images = 70, .channels = 3, .height = 3, .width = 3},
    {.name = "one_image", .images = 1, .channels = 32, .nodes = 3, .reduction = true},
    {.name = "large_kernels",
     .reduction = true,
     .primitives = {"sep_conv_7x7", "none", "skip_connect"}},
    {.name = "pools_alone", .primitives = {"max_pool_3x3", "avg_pool_3x3"}},
    {.name = "nothing_but_none", .primitives = {"none"}},
};
INSTANTIATE_TEST_SUITE_P(Settings, FusedCell, ::testing::ValuesIn(settings),
                         [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace darts
