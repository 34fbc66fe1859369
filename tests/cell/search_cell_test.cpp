#include "support/module_helpers.hpp"

#include <darts/cell/search_cell.hpp>
#include <darts/cell/topology.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::HasSubstr;

SearchCellOptions small_cell() {
  SearchCellOptions options;
  options.primitives = default_primitives();
  options.nodes = 2;
  options.channels_prev_prev = 6;
  options.channels_prev = 8;
  options.channels = 4;
  return options;
}

at::Tensor uniform_weights(const SearchCellOptions& options) {
  const auto columns = options.primitives.columns();
  return at::full({edge_count(options.nodes), columns}, 1.0 / static_cast<double>(columns));
}

TEST(SearchCell, ShapesOfEvenAndOddImages) {
  for (const std::int64_t height : {5, 6}) {
    for (const std::int64_t width : {7, 8}) {
      for (const bool reduction : {false, true}) {
        for (const bool reduction_prev : {false, true}) {
          SearchCellOptions options = small_cell();
          options.reduction = reduction;
          options.reduction_prev = reduction_prev;
          SearchCell cell(options);
          // After a reduction ⌈H/2⌉ × ⌈W/2⌉ is what is left of the input before.
          const at::Tensor s0 = at::zeros(
              {2, 6, reduction_prev ? 2 * height - 1 : height, reduction_prev ? 2 * width : width});
          const at::Tensor s1 = at::zeros({2, 8, height, width});
          const at::Tensor out = cell->forward(s0, s1, uniform_weights(options));
          EXPECT_EQ(out.sizes(), at::IntArrayRef({2, 2 * 4, reduction ? (height + 1) / 2 : height,
                                                  reduction ? (width + 1) / 2 : width}));
          EXPECT_EQ(cell->is_reduction(), reduction);
        }
      }
    }
  }
}

TEST(SearchCell, AnyNumberOfNodesAndAnyPrimitives) {
  for (const std::int64_t nodes : {1, 3, 5}) {
    SearchCellOptions options = small_cell();
    options.nodes = nodes;
    options.primitives = parse_primitives({"sep_conv_7x7", "conv_7x1_1x7"});
    SearchCell cell(options);
    const at::Tensor out =
        cell->forward(at::zeros({1, 6, 8, 8}), at::zeros({1, 8, 8, 8}), uniform_weights(options));
    EXPECT_EQ(out.sizes(), at::IntArrayRef({1, 4 * nodes, 8, 8}));
  }
}

TEST(SearchCell, OnlyEdgesFromTheInputsOfAReductionCellHaveAStride) {
  SearchCellOptions options = small_cell();
  options.primitives = parse_primitives({"skip_connect"});
  options.reduction = true;
  SearchCell cell(options);
  std::set<std::string> reduced;  // skip_connect with stride 2 is a factorized reduce
  for (const auto& item : cell->named_parameters()) {
    if (item.key().ends_with("conv_1.weight")) {
      reduced.insert(item.key());
    }
  }
  EXPECT_THAT(reduced,
              ::testing::ElementsAre("_ops.0._ops.0.conv_1.weight", "_ops.1._ops.0.conv_1.weight",
                                     "_ops.2._ops.0.conv_1.weight", "_ops.3._ops.0.conv_1.weight"));
}

TEST(SearchCell, NodesAreSumsOverAllStatesBefore) {
  // With skip connections alone node 0 is s0 + s1, node 1 the sum of both and node 0.
  SearchCellOptions options = small_cell();
  options.primitives = parse_primitives({"skip_connect"});
  SearchCell cell(options);
  const at::Tensor s0 = testing::random_normal({2, 6, 4, 4}, 1).to(at::kFloat);
  const at::Tensor s1 = testing::random_normal({2, 8, 4, 4}, 2).to(at::kFloat);
  const at::Tensor out = cell->forward(s0, s1, at::full({5, 1}, 1.0));
  EXPECT_LT(testing::relative_error(out.slice(1, 4), 2.0 * out.slice(1, 0, 4)), 1e-6);
}

TEST(SearchCell, RejectsWeightsOfTheWrongShape) {
  SearchCell cell(small_cell());
  const at::Tensor s0 = at::zeros({1, 6, 4, 4});
  const at::Tensor s1 = at::zeros({1, 8, 4, 4});
  for (const at::Tensor& weights : {at::zeros({4, 8}), at::zeros({5, 7}), at::zeros({40})}) {
    try {
      cell->forward(s0, s1, weights);
      ADD_FAILURE() << weights.sizes();
    } catch (const c10::Error& error) {
      EXPECT_THAT(error.what_without_backtrace(), HasSubstr("expected, got"));
    }
  }
}

TEST(SearchCell, ClonesComputeTheSameOnTensorsOfTheirOwn) {
  SearchCellOptions options = small_cell();
  options.reduction = true;
  options.reduction_prev = true;
  SearchCell cell(options);
  const auto copy = std::dynamic_pointer_cast<SearchCellImpl>(std::as_const(*cell).clone());
  ASSERT_NE(copy, nullptr);
  const at::Tensor s0 = testing::random_normal({2, 6, 8, 8}, 1).to(at::kFloat);
  const at::Tensor s1 = testing::random_normal({2, 8, 4, 4}, 2).to(at::kFloat);
  const at::Tensor weights = at::softmax(testing::random_normal({5, 8}, 3), 1).to(at::kFloat);
  EXPECT_TRUE(cell->forward(s0, s1, weights).equal(copy->forward(s0, s1, weights)));
  const testing::Golden own = testing::state_of(*copy);
  for (const auto& [name, tensor] : testing::state_of(*cell)) {
    ASSERT_TRUE(own.contains(name)) << name;
    EXPECT_FALSE(own.at(name).is_alias_of(tensor)) << name;
  }
}

}  // namespace
}  // namespace darts
