#include "batch/batch_norm.hpp"

#include "batch/groups.hpp"
#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/threads.hpp"

#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

namespace darts::batch {
namespace {

using testing::random_normal;
using testing::relative_error;

constexpr std::int64_t channels = 3;

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

/// A batch norm in training, what goes through it, and what LibTorch makes of it.
struct Trial {
  explicit Trial(bool affine)
      : norm(torch::nn::BatchNorm2dOptions(channels).affine(affine)), ours(norm->options) {
    for (auto* module : {norm.get(), ours.get()}) {
      module->to(at::kDouble);
      if (affine) {
        module->weight.detach().copy_(random_normal({channels}, 3));
        module->bias.detach().copy_(random_normal({channels}, 4));
      }
    }
    z.requires_grad_();
    y = norm->forward(z);
    y.backward(g);
  }

  std::int64_t count() const { return z.numel() / channels; }
  static at::Tensor sum(const at::Tensor& values) { return values.detach().sum({0, 2, 3}); }

  torch::nn::BatchNorm2d norm;
  torch::nn::BatchNorm2d ours;
  at::Tensor z = 2 + 3 * random_normal({5, channels, 4, 3}, 1);
  at::Tensor g = random_normal({5, channels, 4, 3}, 2);
  at::Tensor y;
};

at::Tensor by_channel(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).view({1, channels, 1, 1});
}

TEST(BatchNormAlgebra, IsThatOfLibTorchsBatchNorm) {
  for (const bool affine : {false, true}) {
    Trial t(affine);
    const std::vector<double> z = values_of(Trial::sum(t.z));
    const std::vector<double> zz = values_of(Trial::sum(t.z * t.z));
    const BatchStatistics statistics = take_statistics({z.data(), zz.data()}, t.count(), *t.ours);
    EXPECT_LT(relative_error(t.ours->running_mean, t.norm->running_mean), 1e-13);
    EXPECT_LT(relative_error(t.ours->running_var, t.norm->running_var), 1e-13);
    EXPECT_EQ(t.ours->num_batches_tracked.item<std::int64_t>(), 1);

    const Affine scaled = affine_of(statistics, *t.ours);
    const at::Tensor y = by_channel(scaled.scale) * t.z + by_channel(scaled.shift);
    EXPECT_LT(relative_error(y, t.y), 1e-12);

    const std::vector<double> g = values_of(Trial::sum(t.g));
    const std::vector<double> gz = values_of(Trial::sum(t.g * t.z));
    const NormGradient of_z = norm_gradient(statistics, {g.data(), gz.data()}, t.count(), *t.ours);
    const at::Tensor gradient =
        by_channel(of_z.a) * t.g + by_channel(of_z.b) * t.z + by_channel(of_z.c);
    EXPECT_LT(relative_error(gradient, t.z.grad()), 1e-12);
    if (affine) {
      const auto of_scale = scale_gradient(statistics, {g.data(), gz.data()});
      EXPECT_LT(relative_error(at::tensor(of_scale, at::kDouble), t.norm->weight.grad()), 1e-12);
    }
  }
}

TEST(BatchNormAlgebra, WithAWeightForAllChannelsScalesTheGradient) {
  Trial t(/*affine=*/false);
  const BatchStatistics statistics = [&] {
    const std::vector<double> z = values_of(Trial::sum(t.z));
    const std::vector<double> zz = values_of(Trial::sum(t.z * t.z));
    return take_statistics({z.data(), zz.data()}, t.count(), *t.ours);
  }();
  const std::vector<double> g = values_of(Trial::sum(t.g));
  const std::vector<double> gz = values_of(Trial::sum(t.g * t.z));
  const NormGradient of_z = norm_gradient(statistics, {g.data(), gz.data()}, t.count(), 0.25);
  const at::Tensor gradient =
      by_channel(of_z.a) * t.g + by_channel(of_z.b) * t.z + by_channel(of_z.c);
  EXPECT_LT(relative_error(gradient, 0.25 * t.z.grad()), 1e-12);
}

TEST(BatchNormAlgebra, PadsWithZeros) {
  const std::vector<float> values = padded<float>({1.5, -2.0});
  EXPECT_GE(std::ssize(values), 2 + 2 * kernels::channel_multiple<float>());
  EXPECT_EQ(values[0], 1.5F);
  EXPECT_EQ(values[1], -2.0F);
  EXPECT_TRUE(std::all_of(values.begin() + 2, values.end(), [](float v) { return v == 0.0F; }));
}

/// Each image once, in groups of equal sizes, whatever the number of threads; a workspace is zero
/// or what a group before left there.
TEST(ImageGroups, CoverTheBatchAndAddUpInOrder) {
  for (const std::int64_t images : {1, 7, 32, 33, 100}) {
    std::vector<double> expected;
    for (const int threads : {1, 3}) {
      const testing::Threads guard(threads);
      std::vector<int> seen(static_cast<std::size_t>(images));
      const GroupSums<float> sums(images, 2);
      for_groups<float>(images, 4, [&](const ImageGroup& group, float* workspace) {
        EXPECT_TRUE(workspace[0] == 0.0F || workspace[0] == 1.0F);
        workspace[0] = 1.0F;
        float* const own = sums.begin(group);
        for (std::int64_t n = group.first; n < group.last; ++n) {
          ++seen[static_cast<std::size_t>(n)];
          own[0] += 1.0F / static_cast<float>(n + 3);
          own[1] += 1.0F;
        }
      });
      EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
      const std::vector<float> total = sums.total();
      EXPECT_EQ(total[1], static_cast<float>(images));
      expected.push_back(static_cast<double>(total[0]));
    }
    EXPECT_EQ(expected[0], expected[1]);
  }
}

}  // namespace
}  // namespace darts::batch
