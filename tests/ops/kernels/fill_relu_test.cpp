#include "ops/forced_target.hpp"
#include "ops/kernels/kernel_tools.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>
#include <c10/util/StringUtil.h>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::PaddedTensor;
using testing::random_values;
using testing::type_of;
using testing::with_padding;

template <class S>
class FillRelu : public ::testing::Test {};
using Types = ::testing::Types<float, double, c10::BFloat16>;
TYPED_TEST_SUITE(FillRelu, Types);

constexpr double mark = 7.0;  // fills what is not to be touched

/// relu(scale · image + shift), or relu(image) without a scale; the border has to stay as it is.
template <class S>
at::Tensor run(const at::Tensor& image, std::int64_t padding, const at::Tensor& scale = {},
               const at::Tensor& shift = {}) {
  using T = testing::Arithmetic<S>;
  const PaddedTensor<T> to(image, padding);
  to.all().fill_(mark);
  const at::Tensor from = with_padding<S>(image);
  const auto pointer = [](const at::Tensor& t) {
    return t.defined() ? t.const_data_ptr<T>() : nullptr;
  };
  const at::Tensor own_scale = scale.defined() ? with_padding<T>(scale) : scale;
  const at::Tensor own_shift = shift.defined() ? with_padding<T>(shift) : shift;
  kernels::fill_relu<T>(testing::stored_data<S>(from), pointer(own_scale), pointer(own_shift),
                        to.view());
  const at::Tensor found = to.interior().clone();
  to.interior().fill_(mark);
  EXPECT_TRUE(to.all().eq(mark).all().template item<bool>()) << "padding";
  return found;
}

template <class S>
void compare_with_aten(const at::Tensor& image, std::int64_t padding) {
  SCOPED_TRACE(c10::str(image.sizes(), ", padding ", padding));
  const at::Tensor scale = random_values(type_of<S>, {image.size(2)}, 8);
  const at::Tensor shift = random_values(type_of<S>, {image.size(2)}, 9);
  testing::expect_padded(
      {{"plain", run<S>(image, padding)}, {"scaled", run<S>(image, padding, scale, shift)}},
      {{"plain", at::relu(image)}, {"scaled", at::relu(image * scale + shift)}},
      testing::rounding<S>(2));
}

TYPED_TEST(FillRelu, EqualsATenAndLeavesThePaddingAlone) {
  for (const std::int64_t channels : {1, 3, 8, 16, 17, 40}) {
    for (const std::int64_t padding : {0, 1, 6}) {
      for (const auto& [height, width] : {std::pair{1, 1}, {1, 9}, {9, 1}, {5, 7}}) {
        compare_with_aten<TypeParam>(
            random_values(type_of<TypeParam>, {height, width, channels}, 1), padding);
      }
    }
  }
}

TYPED_TEST(FillRelu, EveryInstructionSetGivesTheSame) {
  testing::for_each_target([] {
    compare_with_aten<TypeParam>(random_values(type_of<TypeParam>, {4, 5, 19}, 1), 2);
  });
}

TYPED_TEST(FillRelu, PassesNotANumberInfinityAndTheSmallestValues) {
  using Limits = std::numeric_limits<TypeParam>;
  const at::Tensor special = at::tensor(
      {double{Limits::quiet_NaN()}, -double{Limits::quiet_NaN()}, double{Limits::infinity()},
       -double{Limits::infinity()}, double{Limits::denorm_min()}, -double{Limits::denorm_min()},
       double{Limits::max()}, double{Limits::lowest()}, 0.0, -0.0},
      at::kDouble);
  const at::Tensor image = special.reshape({2, 5, 1}).expand({2, 5, 3}).contiguous();
  const at::Tensor one = at::tensor({1.0, 1.0, 1.0}, at::kDouble);
  testing::for_each_target([&] {
    for (const at::Tensor& found :
         {run<TypeParam>(image, 1), run<TypeParam>(image, 1, one, 0.0 * one)}) {
      const at::Tensor actual = testing::corner_of(found, image);
      EXPECT_TRUE(actual.isnan().equal(image.isnan())) << actual;
      EXPECT_TRUE(actual.nan_to_num(1.0).equal(at::relu(image).nan_to_num(1.0))) << actual;
    }
  });
}

}  // namespace
}  // namespace darts
