// A search in bf16 is the one in fp32 but for rounding, and stays finite: by autocast, which is how
// the plain execution does it, and by storing bfloat16, as the fused one does.
#include "search/every_order.hpp"
#include "support/module_helpers.hpp"

#include <darts/ops/primitive.hpp>
#include <darts/search/search_step.hpp>

#include <ATen/ops/dot.h>

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace darts {
namespace {

constexpr double learning_rate = 0.025;

/// Every operation that there is (that has kernels) but noise, which is other noise in bf16, on
/// images of the size in which LibTorch's gradients were NaN.
SupernetOptions all_operations(Execution execution, Precision precision) {
  SupernetOptions options;
  options.execution = {execution, /*recompute=*/false, precision};
  std::vector<Primitive> primitives;
  for (const PrimitiveRow& row : primitive_table()) {
    const bool has_kernels = row.name != "conv_7x1_1x7";
    if (row.kind != PrimitiveKind::noise && (execution == Execution::plain || has_kernels)) {
      primitives.push_back(Primitive::parse(row.name));
    }
  }
  options.primitives = everywhere(primitives);
  options.cells = 3;
  options.channels = 4;
  options.nodes = 2;
  return options;
}

Supernet make_supernet(const SupernetOptions& options) {
  Supernet supernet(options);
  initialize_supernet(supernet, 1);
  return supernet;
}

Batch batch_of(std::uint64_t seed) {
  return {testing::random_normal({8, 3, 32, 32}, seed)
              .to(at::kFloat)
              .contiguous(at::MemoryFormat::ChannelsLast),
          testing::random_labels(8, 10, seed)};
}

SearchStepOptions options_of(SearchOrder order) {
  SearchStepOptions options;
  options.order = order;
  return options;
}

double cosine(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor left = a.flatten().to(at::kDouble);
  const at::Tensor right = b.flatten().to(at::kDouble);
  return (at::dot(left, right) / (left.norm() * right.norm())).item<double>();
}

/// Of each weight, as the last step left them.
std::vector<at::Tensor> gradients_of(SearchStep& step) {
  const FlatWeights& weights = step.weight_optimizer().weights();
  return weights.parameters().windows(weights.gradient());
}

void expect_finite(const Supernet& supernet) {
  for (const auto& item : supernet->named_parameters()) {
    EXPECT_TRUE(item.value().isfinite().all().item<bool>()) << item.key();
    EXPECT_EQ(item.value().scalar_type(), at::kFloat) << item.key();
  }
  for (const auto& item : supernet->named_buffers()) {
    EXPECT_TRUE(item.value().isfinite().all().item<bool>()) << item.key();
  }
}

class Bf16Search : public ::testing::TestWithParam<std::tuple<SearchOrder, Execution>> {
 protected:
  static SearchOrder order() { return std::get<0>(GetParam()); }
  static Supernet supernet(Precision precision) {
    return make_supernet(all_operations(std::get<1>(GetParam()), precision));
  }
};

TEST_P(Bf16Search, FirstStepIsThatOfFp32ButForRounding) {
  Supernet exact = supernet(Precision::fp32);
  Supernet rounded = supernet(Precision::bf16);
  SearchStepOptions options = options_of(order());
  options.w.weight_decay = 0.0;  // so that a step leaves the gradient as it is
  SearchStep exact_step(exact, options);
  SearchStep rounded_step(rounded, options);
  const StepResult a = exact_step.run(batch_of(1), batch_of(2), learning_rate);
  const StepResult b = rounded_step.run(batch_of(1), batch_of(2), learning_rate);
  EXPECT_NEAR(b.loss, a.loss, 0.02 * a.loss);
  EXPECT_NEAR(b.gradient_norm, a.gradient_norm, 0.1 * a.gradient_norm);
  EXPECT_NE(b.loss, a.loss) << "was it run in bf16 at all?";
  const auto gradients = gradients_of(rounded_step);
  const auto exact_gradients = gradients_of(exact_step);
  const std::vector<std::string> names = exact->weight_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_GT(cosine(gradients[i], exact_gradients[i]), 0.9) << names[i];
  }
  // Of the second order's alphas a part is a difference of close numbers.
  if (order() != SearchOrder::second) {
    const Alphas a_alphas = exact->alphas();
    const Alphas b_alphas = rounded->alphas();
    EXPECT_GT(cosine(b_alphas.normal.grad(), a_alphas.normal.grad()), 0.9);
    EXPECT_GT(cosine(b_alphas.reduce.grad(), a_alphas.reduce.grad()), 0.9);
  }
  expect_finite(rounded);
}

TEST_P(Bf16Search, StaysFiniteAndLearns) {
  Supernet rounded = supernet(Precision::bf16);
  SearchStep step(rounded, options_of(order()));
  const double first = step.run(batch_of(1), batch_of(2), learning_rate).loss;
  double last = first;
  for (int i = 0; i < 5; ++i) {
    last = step.run(batch_of(1), batch_of(2), learning_rate).loss;
  }
  EXPECT_LT(last, first);
  expect_finite(rounded);
}

std::string name_of(const std::tuple<SearchOrder, Execution>& trial) {
  return std::string(find_order(std::get<0>(trial)).name) +
         (std::get<1>(trial) == Execution::plain ? "_autocast" : "_stored");
}

INSTANTIATE_TEST_SUITE_P(Methods, Bf16Search,
                         ::testing::Combine(::testing::ValuesIn(testing::every_order()),
                                            ::testing::Values(Execution::plain, Execution::fused)),
                         [](const auto& trial) { return name_of(trial.param); });

}  // namespace
}  // namespace darts
