#include <darts/ops/count.hpp>
#include <darts/ops/module_size.hpp>
#include <darts/ops/primitive.hpp>

#include <gtest/gtest.h>

#include <string>

namespace darts {
namespace {

ModuleSize size_of(const char* primitive, std::int64_t stride, bool affine) {
  return size_by_channels([&](std::int64_t channels) {
    return Primitive::parse(primitive).make({channels, stride, affine}).ptr();
  });
}

TEST(ModuleSize, IsThatOfTheModuleForAnyNumberOfChannels) {
  for (const PrimitiveRow& row : primitive_table()) {
    for (const std::int64_t stride : {1, 2}) {
      for (const bool affine : {false, true}) {
        const torch::nn::AnyModule module = row.make({20, stride, affine});
        EXPECT_DOUBLE_EQ(size_of(row.name.data(), stride, affine).parameters(20),
                         static_cast<double>(count_parameters(*module.ptr())))
            << row.name << ", stride " << stride;
      }
    }
  }
}

/// Two depthwise 3×3 and two pointwise convolutions, and what two batch norms learn.
TEST(ModuleSize, OfASeparableConvolution) {
  const ModuleSize size = size_of("sep_conv_3x3", 1, /*affine=*/true);
  EXPECT_DOUBLE_EQ(size.parameters(1000), 2 * (9e3 + 1e6 + 2e3));
  EXPECT_EQ(size.batch_norms, 2);
  EXPECT_EQ(size.tensors, 4 + 2 * 5);  // a batch norm has three buffers
}

TEST(ModuleSize, OfSeveralModulesIsTheirSum) {
  ModuleSize size = size_of("dil_conv_5x5", 1, false);
  const double alone = size.parameters(7);
  size += size_of("skip_connect", 2, false) * 3;
  EXPECT_DOUBLE_EQ(alone, 7 * (25 + 7));
  EXPECT_DOUBLE_EQ(size.parameters(8), 8 * (25 + 8) + 3 * 64);
  EXPECT_EQ(size.batch_norms, 1 + 3);
}

TEST(ModuleSize, AsksForMultiplesOfTheStep) {
  size_by_channels(
      [](std::int64_t channels) {
        EXPECT_EQ(channels % 6, 0);
        return Primitive::parse("none").make({channels, 1, false}).ptr();
      },
      6);
}

}  // namespace
}  // namespace darts
