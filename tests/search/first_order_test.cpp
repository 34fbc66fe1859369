#include "search/small_search.hpp"

#include <darts/search/architect.hpp>

#include <ATen/ops/cross_entropy_loss.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::Golden;
using testing::small_batch;

std::unique_ptr<Architect> architect_of(Supernet& supernet) {
  return make_first_order_architect({supernet, testing::theta_pass(supernet), nullptr});
}

TEST(FirstOrder, IsAutogradsGradientOfTheValidationLoss) {
  Supernet supernet = testing::small_supernet();
  const Batch valid = small_batch(3);
  at::cross_entropy_loss(testing::logits_of(*supernet, valid.images), valid.labels).backward();
  const at::Tensor normal = supernet->alphas().normal.grad().clone();
  const at::Tensor reduce = supernet->alphas().reduce.grad().clone();
  supernet->zero_grad();

  architect_of(supernet)->compute_gradients(small_batch(2), valid, 0.1, {});
  EXPECT_LT(testing::relative_error(supernet->alphas().normal.grad(), normal), 1e-13);
  EXPECT_LT(testing::relative_error(supernet->alphas().reduce.grad(), reduce), 1e-13);
  EXPECT_GT(normal.abs().max().item<double>(), 0.0);
  for (const at::Tensor& weight : supernet->weights()) {
    EXPECT_FALSE(weight.grad().defined());
  }
}

TEST(FirstOrder, LeavesParametersAloneAndMovesStatisticsOnce) {
  Supernet supernet = testing::small_supernet();
  const Golden before = testing::copy_of_state(*supernet);
  architect_of(supernet)->compute_gradients(small_batch(2), small_batch(3), 0.1, {});
  for (const auto& item : supernet->named_parameters()) {
    EXPECT_TRUE(item.value().equal(before.at(item.key()))) << item.key();
  }
  for (const auto& item : supernet->named_buffers()) {
    if (item.key().ends_with("num_batches_tracked")) {
      EXPECT_EQ(item.value().item<std::int64_t>(), 1) << item.key();
    }
  }
}

TEST(FirstOrder, AlphasOfCellsThatAreNotThereGetZero) {
  for (const std::int64_t cells : {1, 2}) {  // reduction cells only
    SupernetOptions options = testing::small_options();
    options.cells = cells;
    Supernet supernet = testing::small_supernet(options);
    architect_of(supernet)->compute_gradients({}, small_batch(3), 0.1, {});
    EXPECT_TRUE(supernet->alphas().normal.grad().eq(0.0).all().item<bool>()) << cells;
    EXPECT_GT(supernet->alphas().reduce.grad().abs().max().item<double>(), 0.0) << cells;
  }
}

}  // namespace
}  // namespace darts
