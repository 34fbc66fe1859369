#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/cell/mixed_operation.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::Comparison;
using testing::Golden;

constexpr double tolerance = 1e-9;

/// `key` is strideS.
void check_mixed_operation(const std::string& key, const Golden& golden, const c10::Device& device,
                           Comparison& comparison) {
  const at::Tensor x = golden.at("x").clone().to(device).requires_grad_();
  const at::Tensor weights = golden.at("weights").clone().to(device).requires_grad_();
  OperationOptions options;
  options.channels = x.size(1);
  options.stride = std::stoll(key.substr(std::string("stride").size()));
  MixedOperation operation(default_primitives(), options);
  testing::make_double(*operation);
  testing::load_state(*operation, testing::part_of(golden, "param"));
  operation->to(device);
  operation->train();

  const at::Tensor y = operation->forward(x, weights);
  comparison.expect_close(y, golden.at("y"), tolerance, key + "/y");
  y.backward(golden.at("grad_y").to(device));
  comparison.expect_close(x.grad(), golden.at("grad_x"), tolerance, key + "/grad_x");
  comparison.expect_close(weights.grad(), golden.at("grad_weights"), tolerance,
                          key + "/grad_weights");
  const Golden state = testing::state_of(*operation);
  for (const auto& [name, gradient] : testing::part_of(golden, "grad")) {
    ASSERT_TRUE(state.contains(name)) << key << " has no parameter " << name;
    comparison.expect_close(state.at(name).grad(), gradient, tolerance, key + "/grad/" + name);
  }
}

void check_files(const c10::Device& device) {
  testing::for_each_golden_file("mixed_op", ".pt", [&](const auto& file) {
    const Golden golden = testing::read_golden(file);
    Comparison comparison(testing::title_of(file, {device}));
    const auto groups = testing::groups_of(golden, 1);
    EXPECT_FALSE(groups.empty());
    for (const std::string& key : groups) {
      check_mixed_operation(key, testing::part_of(golden, key), device, comparison);
    }
  });
}

TEST(golden_mixed_operation, BothStridesAsRecorded) { check_files(c10::kCPU); }

using GoldenMixedOperationCuda = testing::CudaTest;

TEST_F(GoldenMixedOperationCuda, BothStridesAsRecorded) { check_files(testing::gpu()); }

}  // namespace
}  // namespace darts
