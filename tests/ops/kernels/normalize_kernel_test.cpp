#include "kernels/normalize.hpp"
#include "ops/forced_target.hpp"
#include "ops/kernels/pixel_tensor.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>
#include <c10/util/StringUtil.h>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::Golden;
using testing::PixelTensor;
using testing::random_values;
using testing::rounding;
using testing::type_of;
using testing::with_padding;

template <class T>
class NormalizeKernel : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(NormalizeKernel, Types);

struct Case {
  std::int64_t pixels;
  std::int64_t channels;
  std::int64_t gap = 0;  ///< elements between pixels
};

/// Fewer and more pixels than the blocks of 32; tails of vectors; pixels that lie apart.
const std::vector<Case> cases{{1, 1}, {1, 16}, {31, 5, 2}, {32, 8}, {33, 17, 1}, {70, 36, 7}};

/// addend + scale · z + shift; what is undefined is left out.
template <class T>
void compare_normalized(const Case& c, const at::Tensor& addend, const at::Tensor& scale,
                        const at::Tensor& shift) {
  const at::Tensor z = random_values(type_of<T>, {c.pixels, c.channels}, 1);
  const PixelTensor<T> own_z(z, c.gap);
  const PixelTensor<T> own_addend(addend.defined() ? addend : z, c.gap + 1);
  PixelTensor<T> y(at::full_like(z, std::numeric_limits<double>::quiet_NaN()), c.gap + 2);
  kernels::Normalize<T> task;
  task.pixels = c.pixels;
  task.channels = c.channels;
  task.z = own_z.read();
  task.y = y.write();
  at::Tensor expected = z;
  if (scale.defined()) {
    expected = scale * z + shift;
  }
  if (addend.defined()) {
    task.addend = own_addend.read();
    expected = addend + expected;
  }
  const at::Tensor own_scale = scale.defined() ? with_padding<T>(scale) : at::Tensor();
  const at::Tensor own_shift = scale.defined() ? with_padding<T>(shift) : at::Tensor();
  if (scale.defined()) {
    task.scale = own_scale.const_data_ptr<T>();
    task.shift = own_shift.const_data_ptr<T>();
  }
  kernels::normalize(task);
  testing::expect_padded({{"y", y.values()}}, {{"y", expected}}, rounding<T>(3));
  y.expect_gaps_untouched();
}

template <class T>
void compare_all_normalized(const Case& c) {
  SCOPED_TRACE(c10::str(c.pixels, " pixels, ", c.channels, " channels, gap ", c.gap));
  const at::Tensor addend = random_values(type_of<T>, {c.pixels, c.channels}, 2);
  const at::Tensor scale = random_values(type_of<T>, {c.channels}, 3);
  const at::Tensor shift = random_values(type_of<T>, {c.channels}, 4);
  compare_normalized<T>(c, {}, {}, {});
  compare_normalized<T>(c, addend, {}, {});
  compare_normalized<T>(c, {}, scale, shift);
  compare_normalized<T>(c, addend, scale, shift);
}

TYPED_TEST(NormalizeKernel, EqualsATen) {
  testing::for_each_target([] {
    for (const Case& c : cases) {
      compare_all_normalized<TypeParam>(c);
    }
  });
}

TYPED_TEST(NormalizeKernel, WrittenOut) {
  const std::vector<TypeParam> z{1, 2, 3, 4};  // two pixels of two channels
  std::vector<TypeParam> scale(static_cast<std::size_t>(testing::padded<TypeParam>(2)));
  std::vector<TypeParam> shift(scale.size());
  scale[0] = 10;
  scale[1] = -1;
  shift[1] = TypeParam(0.5);
  std::vector<TypeParam> y(4);
  kernels::Normalize<TypeParam> task;
  task.pixels = 2;
  task.channels = 2;
  task.z = {z.data(), 2};
  task.scale = scale.data();
  task.shift = shift.data();
  task.y = {y.data(), 2};
  kernels::normalize(task);
  EXPECT_EQ(y, (std::vector<TypeParam>{10, TypeParam(-1.5), 30, TypeParam(-3.5)}));
  task.addend = {y.data(), 2};  // the same place
  kernels::normalize(task);
  EXPECT_EQ(y, (std::vector<TypeParam>{20, -3, 60, -7}));
}

template <class T>
void compare_moments(const Case& c) {
  SCOPED_TRACE(c10::str(c.pixels, " pixels, ", c.channels, " channels, gap ", c.gap));
  const at::Tensor g = random_values(type_of<T>, {c.pixels, c.channels}, 1);
  const at::Tensor z = random_values(type_of<T>, {c.pixels, c.channels}, 2);
  const at::Tensor before = random_values(at::kDouble, {2, c.channels}, 3);
  const PixelTensor<T> own_g(g, c.gap);
  const PixelTensor<T> own_z(z, c.gap + 1);
  const std::int64_t width = testing::padded<T>(c.channels);
  const at::Tensor sums = testing::in_corner(before, {2, width}, at::kDouble);
  kernels::GradientMoments<T> task;
  task.pixels = c.pixels;
  task.channels = c.channels;
  task.g = own_g.read();
  task.z = own_z.read();
  task.weight = 1.25;
  task.sums = sums.mutable_data_ptr<double>();
  task.products = task.sums + width;
  kernels::gradient_moments(task);
  testing::expect_padded({{"sums", sums}}, {{"sums", before + 1.25 * at::stack({g, g * z}).sum(1)}},
                         rounding<T>(c.pixels + 1));
}

TYPED_TEST(NormalizeKernel, MomentsOfTheGradientEqualATen) {
  testing::for_each_target([] {
    for (const Case& c : cases) {
      compare_moments<TypeParam>(c);
    }
  });
}

}  // namespace
}  // namespace darts
