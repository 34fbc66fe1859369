#include "support/module_helpers.hpp"

#include <darts/ops/primitive.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randperm.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace darts {
namespace {

using testing::random_normal;

constexpr double step = 1e-6;
constexpr double tolerance = 1e-6;
constexpr int directions = 4;

/// Values 0.01 apart in random order, none within 0.005 of 0: neither a ReLU nor a max pool of the
/// input itself changes its mind within a step.
at::Tensor spread_values(at::IntArrayRef shape, std::uint64_t seed) {
  const std::int64_t count = c10::multiply_integers(shape);
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  const at::Tensor order = at::randperm(count, generator, at::kDouble);
  return ((order - static_cast<double>(count / 2) + 0.5) * 0.01).reshape(shape);
}

/// The gradient of `function` by `value` against central differences along random directions.
void check_gradient(const std::function<double()>& function, at::Tensor value,
                    const at::Tensor& gradient, const std::string& name) {
  const c10::NoGradGuard no_grad;
  ASSERT_TRUE(gradient.defined()) << name;
  const at::Tensor start = value.detach().clone();
  for (int i = 0; i < directions; ++i) {
    const at::Tensor direction = random_normal(value.sizes(), 1000 + static_cast<unsigned>(i));
    value.copy_(start + step * direction);
    const double above = function();
    value.copy_(start - step * direction);
    const double below = function();
    value.copy_(start);
    const double numeric = (above - below) / (2.0 * step);
    const double analytic = (gradient * direction).sum().item<double>();
    const double scale = gradient.norm().item<double>() * direction.norm().item<double>();
    EXPECT_NEAR(numeric, analytic, tolerance * std::max(1.0, scale)) << name;
  }
}

void check_operation(const std::string& name, std::int64_t stride, bool affine, std::int64_t size) {
  const std::int64_t channels = 3;
  torch::nn::AnyModule operation =
      Primitive::parse(name).make(OperationOptions{channels, stride, affine});
  testing::make_double(*operation.ptr());
  testing::randomize_parameters(*operation.ptr(), 0.5, 7);
  operation.ptr()->train();

  at::Tensor x = spread_values({2, channels, size, size + 1}, 11).requires_grad_();
  const at::Tensor y = operation.forward<at::Tensor>(x);
  const at::Tensor weights = random_normal(y.sizes(), 13);
  (y * weights).sum().backward();

  const auto function = [&] {
    return (operation.forward<at::Tensor>(x) * weights).sum().item<double>();
  };
  check_gradient(function, x, x.grad(), "x");
  for (const auto& item : operation.ptr()->named_parameters()) {
    check_gradient(function, item.value(), item.value().grad(), item.key());
  }
}

/// The parameter is the primitive's name.
class OperationGradient : public ::testing::TestWithParam<std::string> {};

TEST_P(OperationGradient, MatchesFiniteDifferences) {
  for (const std::int64_t stride : {1, 2}) {
    for (const bool affine : {false, true}) {
      for (const std::int64_t size : {5, 6}) {
        SCOPED_TRACE(c10::str("stride ", stride, ", affine ", affine, ", size ", size));
        check_operation(GetParam(), stride, affine, size);
      }
    }
  }
}

/// All but noise, which has no gradient to its input (noise_test.cpp).
std::vector<std::string> differentiable_primitives() {
  std::vector<std::string> names;
  for (const PrimitiveRow& row : primitive_table()) {
    if (row.kind != PrimitiveKind::noise) {
      names.emplace_back(row.name);
    }
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Every, OperationGradient, ::testing::ValuesIn(differentiable_primitives()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace darts
