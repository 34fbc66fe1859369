#include "core/expect_error.hpp"
#include "support/module_helpers.hpp"

#include <darts/ops/primitive.hpp>

#include <ATen/ops/full.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

TEST(Primitive, DefaultsAreThePapersEightInTheOriginalsOrder) {
  EXPECT_THAT(primitive_names(default_primitives()),
              ElementsAre("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3",
                          "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"));
}

TEST(Primitive, NamesGoThereAndBack) {
  for (const PrimitiveRow& row : primitive_table()) {
    const Primitive primitive = Primitive::parse(row.name);
    EXPECT_EQ(primitive.name(), row.name);
    EXPECT_EQ(primitive.kind(), row.kind);
    EXPECT_EQ(primitive, Primitive::parse(row.name));
  }
  const std::vector<std::string> names{"sep_conv_7x7", "none"};
  EXPECT_EQ(primitive_names(parse_primitives(names)), names);
}

TEST(Primitive, KindsHaveTheNamesThatFilesUse) {
  EXPECT_EQ(kind_name(Primitive::parse("none").kind()), "none");
  EXPECT_EQ(kind_name(Primitive::parse("avg_pool_3x3").kind()), "pool");
  EXPECT_EQ(kind_name(Primitive::parse("skip_connect").kind()), "skip");
  EXPECT_EQ(kind_name(Primitive::parse("conv_7x1_1x7").kind()), "conv");
}

TEST(Primitive, UnknownNameIsAnErrorThatListsTheKnownOnes) {
  const std::string message = error_of([] { Primitive::parse("sep_conv_9x9"); });
  EXPECT_THAT(message, HasSubstr("unknown operation \"sep_conv_9x9\""));
  EXPECT_THAT(message, HasSubstr("skip_connect"));
  EXPECT_THAT(message, HasSubstr("conv_7x1_1x7"));
  error_of([] { Primitive::parse(""); });
  EXPECT_THAT(error_of([] { Primitive::parse("skip_\nconnect"); }),
              HasSubstr("unknown operation \"skip_ connect\""));
  error_of([] { parse_primitives({"none", "Skip_Connect"}); });
}

TEST(Primitive, EveryOperationKeepsChannelsAndHalvesRoundingUp) {
  for (const PrimitiveRow& row : primitive_table()) {
    for (const std::int64_t stride : {1, 2}) {
      torch::nn::AnyModule operation = row.make(OperationOptions{6, stride, false});
      for (const std::int64_t height : {1, 2, 3, 7, 8}) {
        const std::int64_t width = height + 1;
        const at::Tensor x = testing::random_normal({2, 6, height, width}, 1).to(at::kFloat);
        const at::Tensor y = operation.forward<at::Tensor>(x);
        const std::vector<std::int64_t> expected{2, 6, (height + stride - 1) / stride,
                                                 (width + stride - 1) / stride};
        EXPECT_EQ(y.sizes(), at::IntArrayRef(expected))
            << row.name << " stride " << stride << " height " << height;
      }
    }
  }
}

TEST(Primitive, NoneIsZeroAndSkipIsTheInputItself) {
  const at::Tensor x = testing::random_normal({1, 2, 4, 4}, 1).to(at::kFloat);
  EXPECT_EQ(
      Primitive::parse("none").make({2, 1, false}).forward<at::Tensor>(x).abs().max().item<float>(),
      0.0F);
  EXPECT_EQ(
      Primitive::parse("none").make({2, 2, false}).forward<at::Tensor>(x).abs().max().item<float>(),
      0.0F);
  EXPECT_TRUE(Primitive::parse("skip_connect").make({2, 1, false}).forward<at::Tensor>(x).equal(x));
}

TEST(Primitive, AveragePoolDoesNotCountPadding) {
  const at::Tensor ones = at::full({1, 2, 5, 5}, 1.0);
  for (const std::int64_t stride : {1, 2}) {
    const at::Tensor y =
        Primitive::parse("avg_pool_3x3").make({2, stride, false}).forward<at::Tensor>(ones);
    EXPECT_LT((y - 1.0).abs().max().item<double>(), 1e-6) << stride;
  }
}

TEST(Primitive, OnlyAffineBatchNormsHaveParameters) {
  for (const PrimitiveRow& row : primitive_table()) {
    for (const bool affine : {false, true}) {
      int vectors = 0;  // scales and shifts; convolutions have no bias
      torch::nn::AnyModule operation = row.make(OperationOptions{4, 1, affine});
      for (const at::Tensor& parameter : operation.ptr()->parameters()) {
        vectors += parameter.dim() == 1 ? 1 : 0;
      }
      const bool twice = row.name.starts_with("sep_conv");
      const int expected = row.kind == PrimitiveKind::conv && affine ? (twice ? 4 : 2) : 0;
      EXPECT_EQ(vectors, expected) << row.name << " affine " << affine;
    }
  }
}

TEST(Primitive, ClonesComputeTheSameOnTensorsOfTheirOwn) {
  const at::Tensor x = testing::random_normal({2, 4, 6, 6}, 1).to(at::kFloat);
  for (const PrimitiveRow& row : primitive_table()) {
    for (const std::int64_t stride : {1, 2}) {
      torch::nn::AnyModule operation = row.make(OperationOptions{4, stride, true});
      torch::nn::AnyModule copy = operation.clone();
      EXPECT_TRUE(operation.forward<at::Tensor>(x).equal(copy.forward<at::Tensor>(x)))
          << row.name << " stride " << stride;
      const testing::Golden own = testing::state_of(*copy.ptr());
      for (const auto& [name, tensor] : testing::state_of(*operation.ptr())) {
        ASSERT_TRUE(own.contains(name)) << row.name << " " << name;
        EXPECT_FALSE(own.at(name).is_alias_of(tensor)) << row.name << " " << name;
      }
    }
  }
}

}  // namespace
}  // namespace darts
