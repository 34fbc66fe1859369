#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/ops/primitive.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::Comparison;
using testing::Golden;

constexpr double tolerance = 1e-9;

/// The number at the end of "stride2".
std::int64_t number_after(const std::string& text, const std::string& word) {
  const auto at = text.find(word);
  EXPECT_NE(at, std::string::npos) << text;
  return std::stoll(text.substr(at + word.size()));
}

/// `key` is NAME/strideS/affineA.
void check_operation(const std::string& key, const Golden& golden, const c10::Device& device,
                     Comparison& comparison) {
  const at::Tensor x = golden.at("x").clone().to(device).requires_grad_();
  OperationOptions options;
  options.channels = x.size(1);
  options.stride = number_after(key, "/stride");
  options.affine = number_after(key, "/affine") != 0;
  torch::nn::AnyModule operation = Primitive::parse(key.substr(0, key.find('/'))).make(options);
  testing::make_double(*operation.ptr());
  testing::load_state(*operation.ptr(), testing::part_of(golden, "param"));
  operation.ptr()->to(device);
  operation.ptr()->train();

  const at::Tensor y = operation.forward<at::Tensor>(x);
  comparison.expect_close(y, golden.at("y"), tolerance, key + "/y");
  y.backward(golden.at("grad_y").to(device));
  comparison.expect_close(x.grad(), golden.at("grad_x"), tolerance, key + "/grad_x");
  const Golden state = testing::state_of(*operation.ptr());
  for (const auto& [name, gradient] : testing::part_of(golden, "grad")) {
    ASSERT_TRUE(state.contains(name)) << key << " has no parameter " << name;
    comparison.expect_close(state.at(name).grad(), gradient, tolerance, key + "/grad/" + name);
  }
}

void check_files(const c10::Device& device) {
  testing::for_each_golden_file("ops", ".pt", [&](const auto& file) {
    const Golden golden = testing::read_golden(file);
    Comparison comparison(testing::title_of(file, {device}));
    const auto groups = testing::groups_of(golden, 3);
    EXPECT_FALSE(groups.empty());
    for (const std::string& key : groups) {
      check_operation(key, testing::part_of(golden, key), device, comparison);
    }
  });
}

TEST(golden_ops, EveryOperationAsRecorded) { check_files(c10::kCPU); }

using GoldenOpsCuda = testing::CudaTest;

TEST_F(GoldenOpsCuda, EveryOperationAsRecorded) { check_files(testing::gpu()); }

}  // namespace
}  // namespace darts
