// Mixed operations and cells as other search methods' authors compute them.
#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/cell/mixed_operation.hpp>
#include <darts/cell/search_cell.hpp>
#include <darts/cell/topology.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::Comparison;
using testing::Golden;

constexpr double exact = 1e-9;

/// Calls `action` with every group of so many name parts in every file of the name.
void for_each_group(
    const std::string& name, int depth,
    const std::function<void(const std::string&, const Golden&, Comparison&)>& action) {
  testing::for_each_golden_file("methods/" + name, ".pt", [&](const auto& file) {
    const Golden golden = testing::read_golden(file);
    Comparison comparison(file.filename().string());
    const auto groups = testing::groups_of(golden, depth);
    EXPECT_FALSE(groups.empty());
    for (const std::string& group : groups) {
      action(group, testing::part_of(golden, group), comparison);
    }
  });
}

/// Copies what a record has of a module's state; the rest is not used.
void copy_state(torch::nn::Module& module, const Golden& state) {
  const c10::NoGradGuard no_grad;
  const Golden own = testing::state_of(module);
  for (const auto& [name, tensor] : state) {
    ASSERT_TRUE(own.contains(name)) << name;
    ASSERT_EQ(own.at(name).sizes(), tensor.sizes()) << name;
    own.at(name).copy_(tensor);
  }
}

struct OperationTrial {
  OperationTrial(const Golden& golden, std::int64_t stride, const EdgeOptions& edge = {},
                 std::vector<Primitive> primitives = default_primitives())
      : recorded(golden),
        x(golden.at("x").clone().requires_grad_()),
        weights(golden.at("weights").clone().requires_grad_()),
        operation(std::move(primitives), OperationOptions{x.size(1), stride}, edge) {
    testing::make_double(*operation);
    copy_state(*operation, testing::part_of(golden, "param"));
    operation->train();
  }

  void check(const at::Tensor& y, const std::string& key, Comparison& comparison) const {
    comparison.expect_close(y, recorded.at("y"), exact, key + "/y");
    if (!y.requires_grad()) {
      return;  // none was drawn
    }
    y.backward(recorded.at("grad_y"));
    const auto gradient = [](const at::Tensor& of) {
      return of.grad().defined() ? of.grad() : at::zeros_like(of.detach());
    };
    comparison.expect_close(gradient(x), recorded.at("grad_x"), exact, key + "/grad_x");
    comparison.expect_close(gradient(weights), recorded.at("grad_weights"), exact,
                            key + "/grad_weights");
    const Golden state = testing::state_of(*operation);
    for (const auto& [name, expected] : testing::part_of(recorded, "grad")) {
      ASSERT_TRUE(state.contains(name)) << name;
      comparison.expect_close(state.at(name).grad(), expected, exact, key + "/grad/" + name);
    }
  }

  Golden recorded;
  at::Tensor x, weights;
  MixedOperation operation;
};

std::int64_t stride_of(const std::string& key) {
  return key.find("stride2") == std::string::npos ? 1 : 2;
}

TEST(golden_pc_darts_operation, BothStridesAsRecorded) {
  for_each_group("pcdarts_mixed_op", 1,
                 [](const std::string& key, const Golden& golden, Comparison& comparison) {
                   if (!golden.contains("k")) {
                     return;  // the shuffle alone
                   }
                   const EdgeOptions edge{.partial = golden.at("k").item<std::int64_t>()};
                   for (const Execution execution : {Execution::plain, Execution::fused}) {
                     OperationTrial trial(golden, stride_of(key), edge);
                     const at::Tensor row = at::cat({trial.weights, at::ones({1}, at::kDouble)});
                     trial.check(trial.operation->forward(trial.x, row, execution), key,
                                 comparison);
                   }
                 });
}

/// Without any operation but the input itself, what is left is the shuffle.
TEST(golden_pc_darts_operation, ShufflesChannelsAsRecorded) {
  for_each_group(
      "pcdarts_mixed_op", 2,
      [](const std::string& key, const Golden& golden, Comparison& comparison) {
        if (!key.starts_with("shuffle/groups")) {
          return;
        }
        (void)golden;
        const std::int64_t groups = std::stoll(key.substr(std::string("shuffle/groups").size()));
        testing::for_each_golden_file("methods/pcdarts_mixed_op", ".pt", [&](const auto& file) {
          const Golden all = testing::read_golden(file);
          const at::Tensor x = all.at("shuffle/x");
          MixedOperation operation(parse_primitives({"skip_connect"}),
                                   OperationOptions{x.size(1), 1}, EdgeOptions{.partial = groups});
          comparison.expect_close(operation->forward(x, at::ones({2}, at::kDouble)),
                                  all.at(key + "/y"), exact, key);
        });
      });
}

TEST(golden_gdas_operation, OnlyTheDrawnOneRuns) {
  for_each_group("gdas_mixed_op", 2,
                 [](const std::string& key, const Golden& golden, Comparison& comparison) {
                   const std::int64_t index = std::stoll(key.substr(key.find("index") + 5));
                   OperationTrial trial(golden, stride_of(key));
                   at::Tensor active = at::zeros({8}, at::kBool);
                   active[index].fill_(true);
                   const at::Tensor y =
                       trial.operation->forward(trial.x, trial.weights, Execution::plain, active);
                   trial.check(y, key, comparison);
                   const Golden state = testing::state_of(*trial.operation);
                   for (const auto& [name, tensor] : state) {
                     const bool drawn = name.starts_with("_ops." + std::to_string(index) + ".");
                     EXPECT_TRUE(drawn || !tensor.grad().defined()) << name;
                   }
                 });
}

TEST(golden_darts_minus_operation, AuxiliarySkipsAsRecorded) {
  for_each_group("dartsminus_mixed_op", 2,
                 [](const std::string& key, const Golden& golden, Comparison& comparison) {
                   const EdgeOptions edge{key.starts_with("conv1") ? AuxiliarySkip::convolution
                                                                   : AuxiliarySkip::skip};
                   OperationTrial trial(golden, stride_of(key), edge);
                   const at::Tensor row = at::cat({trial.weights, golden.at("beta").reshape({1})});
                   trial.check(trial.operation->forward(trial.x, row), key, comparison);
                 });
}

/// The recorded mask is put where ours would be: on the skip connection's own term.
TEST(golden_p_darts_operation, SwitchedOnOperationsWithDropoutAsRecorded) {
  for_each_group(
      "pdarts_mixed_op", 1,
      [](const std::string& key, const Golden& golden, Comparison& comparison) {
        std::vector<Primitive> primitives;
        const std::vector<Primitive> all = default_primitives();
        std::int64_t skip = -1;
        for (std::size_t i = 0; i < all.size(); ++i) {
          if (golden.at("switches")[static_cast<std::int64_t>(i)].item<std::int64_t>() != 0) {
            skip = all[i].kind() == PrimitiveKind::skip ? std::ssize(primitives) : skip;
            primitives.push_back(all[i]);
          }
        }
        OperationTrial trial(golden, golden.at("stride").item<std::int64_t>(), {}, primitives);
        at::Tensor y = trial.operation->forward(trial.x, trial.weights);
        if (golden.contains("dropout_mask") && skip >= 0) {
          const at::Tensor kept = golden.at("dropout_mask") / (1.0 - golden.at("p").item<double>());
          y = y + trial.weights[skip] * (kept - 1.0) * trial.x;
        }
        trial.check(y, key, comparison);
      });
}

void check_cell(const std::string& key, const Golden& golden, Execution execution,
                Comparison& comparison) {
  const Golden param = testing::part_of(golden, "param");
  const at::Tensor s0 = golden.at("s0").clone().requires_grad_();
  const at::Tensor s1 = golden.at("s1").clone().requires_grad_();
  const at::Tensor weights = golden.at("weights").clone().requires_grad_();
  const at::Tensor betas = golden.at("betas").clone().requires_grad_();
  SearchCellOptions options;
  options.nodes = 4;
  options.channels = golden.at("y").size(1) / options.nodes;
  options.channels_prev_prev = s0.size(1);
  options.channels_prev = s1.size(1);
  options.reduction = key.find("reduction1") != std::string::npos;
  options.reduction_prev = key.find("reduction_prev1") != std::string::npos;
  options.edge.partial = options.channels / param.at("_ops.0._ops.4.op.1.weight").size(0);
  SearchCell cell(options);
  testing::make_double(*cell);
  testing::load_state(*cell, param);
  cell->set_execution({execution});
  std::vector<at::Tensor> nodes;
  for (std::int64_t node = 0; node < options.nodes; ++node) {
    nodes.push_back(at::softmax(betas.narrow(0, first_edge(node), predecessors(node)), 0));
  }
  const at::Tensor edges = at::cat(nodes).unsqueeze(1);
  const at::Tensor y = cell->forward(s0, s1, at::cat({weights * edges, edges}, 1));
  comparison.expect_close(y, golden.at("y"), exact, key + "/y");
  y.backward(golden.at("grad_y"));
  comparison.expect_close(edges.squeeze(1), golden.at("edge_weights"), exact, key + "/edges");
  for (const auto& [name, tensor] :
       {std::pair("grad_s0", s0), std::pair("grad_s1", s1), std::pair("grad_weights", weights),
        std::pair("grad_betas", betas)}) {
    comparison.expect_close(tensor.grad(), golden.at(name), exact, key + "/" + name);
  }
  const Golden state = testing::state_of(*cell);
  for (const auto& [name, gradient] : testing::part_of(golden, "grad")) {
    ASSERT_TRUE(state.contains(name)) << name;
    comparison.expect_close(state.at(name).grad(), gradient, exact, key + "/grad/" + name);
  }
}

TEST(golden_pc_darts_cell, ForwardAndAllGradientsAsRecorded) {
  for_each_group("pcdarts_cell", 2,
                 [](const std::string& key, const Golden& golden, Comparison& comparison) {
                   for (const Execution execution : {Execution::plain, Execution::fused}) {
                     check_cell(key, golden, execution, comparison);
                   }
                 });
}

}  // namespace
}  // namespace darts
