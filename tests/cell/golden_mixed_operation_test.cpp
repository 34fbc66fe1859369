#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <darts/cell/mixed_operation.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::Comparison;
using testing::Golden;

constexpr double tolerance = 1e-9;

/// `key` is strideS.
void check_mixed_operation(const std::string& key, const Golden& golden, Comparison& comparison) {
  const at::Tensor x = golden.at("x").clone().requires_grad_();
  const at::Tensor weights = golden.at("weights").clone().requires_grad_();
  OperationOptions options;
  options.channels = x.size(1);
  options.stride = std::stoll(key.substr(std::string("stride").size()));
  MixedOperation operation(default_primitives(), options);
  testing::make_double(*operation);
  testing::load_state(*operation, testing::part_of(golden, "param"));
  operation->train();

  const at::Tensor y = operation->forward(x, weights);
  comparison.expect_close(y, golden.at("y"), tolerance, key + "/y");
  y.backward(golden.at("grad_y"));
  comparison.expect_close(x.grad(), golden.at("grad_x"), tolerance, key + "/grad_x");
  comparison.expect_close(weights.grad(), golden.at("grad_weights"), tolerance,
                          key + "/grad_weights");
  const Golden state = testing::state_of(*operation);
  for (const auto& [name, gradient] : testing::part_of(golden, "grad")) {
    ASSERT_TRUE(state.contains(name)) << key << " has no parameter " << name;
    comparison.expect_close(state.at(name).grad(), gradient, tolerance, key + "/grad/" + name);
  }
}

TEST(golden_mixed_operation, BothStridesAsRecorded) {
  testing::for_each_golden_file("mixed_op", ".pt", [](const auto& file) {
    const Golden golden = testing::read_golden(file);
    Comparison comparison(file.filename().string());
    const auto groups = testing::groups_of(golden, 1);
    EXPECT_FALSE(groups.empty());
    for (const std::string& key : groups) {
      check_mixed_operation(key, testing::part_of(golden, key), comparison);
    }
  });
}

}  // namespace
}  // namespace darts
