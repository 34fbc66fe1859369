#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/ops/average_pool.hpp>

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool2d_backward.h>
#include <ATen/ops/ones.h>

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace darts {
namespace {

using Size = std::pair<std::int64_t, std::int64_t>;

struct Layout {
  const char* name;
  c10::MemoryFormat format;
};

constexpr Layout planes{"planes", c10::MemoryFormat::Contiguous};
constexpr Layout channels_last{"channels_last", c10::MemoryFormat::ChannelsLast};

/// Images and the gradient by their means, as LibTorch has them on the CPU in float64.
struct Expected {
  Expected(const Size& size, std::int64_t stride)
      : x(testing::random_normal({2, 3, size.first, size.second}, 1)),
        y(at::avg_pool2d(x, 3, stride, 1, false, false)),
        grad_y(testing::random_normal(y.sizes(), 2)),
        grad_x(at::avg_pool2d_backward(grad_y, x, 3, stride, 1, false, false, std::nullopt)) {}
  at::Tensor x, y, grad_y, grad_x;
};

double error_of(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  return ((found.to(at::kCPU, at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

using Trial = std::tuple<Size, std::int64_t, Layout>;

class AveragePoolTest : public ::testing::TestWithParam<Trial> {};

TEST_P(AveragePoolTest, GradientIsLibTorchsOfTheCpu) {
  const auto& [size, stride, layout] = GetParam();
  const Expected expected(size, stride);
  const at::Tensor found = average_pool_gradient(expected.grad_y.contiguous(layout.format),
                                                 size.first, size.second, stride);
  EXPECT_LT(error_of(found, expected.grad_x), 1e-14);
}

class AveragePoolCuda : public AveragePoolTest {
 protected:
  void SetUp() override { testing::use_device(testing::gpu()); }
};

TEST_P(AveragePoolCuda, MeansAndGradientAreThoseOfTheCpu) {
  const auto& [size, stride, layout] = GetParam();
  const Expected expected(size, stride);
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 1e-6},
                                        std::pair{at::kBFloat16, 1e-2}}) {
    const auto there = [&, its_type = type](const at::Tensor& tensor) {
      return tensor.to(testing::gpu(), its_type).contiguous(std::get<2>(GetParam()).format);
    };
    const at::Tensor x = there(expected.x).requires_grad_();
    AveragePool pool(stride);
    const at::Tensor y = pool->forward(x);
    y.backward(there(expected.grad_y));
    EXPECT_LT(error_of(y.detach(), expected.y), tolerance) << type;
    EXPECT_LT(error_of(x.grad(), expected.grad_x), tolerance) << type;
  }
}

const auto trials = ::testing::Combine(
    ::testing::Values(Size{2, 2}, Size{4, 4}, Size{5, 7}, Size{8, 6}, Size{16, 16}),
    ::testing::Values<std::int64_t>(1, 2), ::testing::Values(planes, channels_last));

std::string name_of(const ::testing::TestParamInfo<Trial>& info) {
  const auto& [size, stride, layout] = info.param;
  return std::to_string(size.first) + "x" + std::to_string(size.second) + "_stride" +
         std::to_string(stride) + "_" + layout.name;
}

INSTANTIATE_TEST_SUITE_P(Cpu, AveragePoolTest, trials, name_of);
INSTANTIATE_TEST_SUITE_P(Cuda, AveragePoolCuda, trials, name_of);

TEST(AveragePool, APixelBeyondTheBorderDoesNotCount) {
  const at::Tensor ones = at::ones({1, 1, 4, 4});
  EXPECT_TRUE(average_pool(ones, 1).equal(ones));
  EXPECT_TRUE(average_pool(ones, 2).equal(at::ones({1, 1, 2, 2})));
}

}  // namespace
}  // namespace darts
