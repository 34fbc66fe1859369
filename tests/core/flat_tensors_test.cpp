#include "support/threads.hpp"

#include <darts/core/flat_tensors.hpp>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

/// Of several shapes, one of them channels last, leaves of autograd.
std::vector<at::Tensor> parameters() {
  std::vector<at::Tensor> made{
      at::arange(36, at::kFloat).reshape({2, 2, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast),
      at::arange(5, at::kFloat) + 100.0F, at::full({}, 7.0F), at::full({1, 3}, -1.0F)};
  for (at::Tensor& tensor : made) {
    tensor.requires_grad_();
  }
  return made;
}

TEST(FlatTensors, TheTensorsStayWhatTheyAre) {
  const std::vector<at::Tensor> tensors = parameters();
  std::vector<at::Tensor> before;
  for (const at::Tensor& tensor : tensors) {
    before.push_back(tensor.detach().clone());
  }
  const FlatTensors flat(tensors);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_TRUE(flat.tensors()[i].is_same(tensors[i]));
    EXPECT_TRUE(tensors[i].equal(before[i]));
    EXPECT_EQ(tensors[i].strides(), before[i].strides());
    EXPECT_TRUE(tensors[i].requires_grad());
    EXPECT_TRUE(tensors[i].is_leaf());
    EXPECT_TRUE(tensors[i].is_alias_of(flat.flat()));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensors[i].const_data_ptr()) % 64, 0);
  }
}

TEST(FlatTensors, WhatIsDoneToTheFlatOneIsDoneToAll) {
  const std::vector<at::Tensor> tensors = parameters();
  const FlatTensors flat(tensors);
  const at::Tensor before = tensors[1].detach().clone();
  flat.flat().mul_(2.0);
  EXPECT_TRUE(tensors[1].equal(before * 2.0));
  {
    const c10::NoGradGuard no_grad;
    tensors[2].fill_(0.5);
  }
  EXPECT_EQ(flat.flat().sum().item<float>(),
            (tensors[0].sum() + tensors[1].sum() + tensors[2].sum() + tensors[3].sum())
                .item<float>());  // nothing lies between them
}

TEST(FlatTensors, GradientsGoToTheTensorsAsEver) {
  const std::vector<at::Tensor> tensors = parameters();
  const FlatTensors flat(tensors);
  (tensors[1] * tensors[1]).sum().backward();
  EXPECT_TRUE(tensors[1].grad().equal(2.0 * tensors[1]));
  EXPECT_FALSE(tensors[0].grad().defined());
}

TEST(FlatTensors, TensorsThatAreTogetherAreFound) {
  const std::vector<at::Tensor> tensors = parameters();
  const FlatTensors first(tensors);
  const FlatTensors second(tensors);
  EXPECT_TRUE(second.flat().is_alias_of(first.flat()));
  tensors[3].set_data(at::zeros({1, 3}));  // as moving a module to another type does
  const FlatTensors third(tensors);
  EXPECT_FALSE(third.flat().is_alias_of(first.flat()));
  EXPECT_TRUE(tensors[0].is_alias_of(third.flat()));
  EXPECT_TRUE(tensors[3].eq(0.0F).all().item<bool>());
}

TEST(FlatTensors, AnotherOrderIsAnotherPlace) {
  std::vector<at::Tensor> tensors = parameters();
  const FlatTensors first(tensors);
  const at::Tensor value = tensors[0].detach().clone();
  std::swap(tensors[0], tensors[1]);
  const FlatTensors second(tensors);
  EXPECT_FALSE(second.flat().is_alias_of(first.flat()));
  EXPECT_TRUE(tensors[1].equal(value));
}

TEST(FlatTensors, OneTypeAndDeviceAreAskedFor) {
  EXPECT_THROW(FlatTensors({at::zeros({2}), at::zeros({2}, at::kDouble)}), c10::Error);
}

TEST(FlatTensors, BuffersAreSortedByType) {
  const std::vector<at::Tensor> buffers{at::ones({3}), at::full({}, 2, at::kLong), at::ones({4}),
                                        at::full({}, 3, at::kLong)};
  const std::vector<FlatTensors> groups = flatten_by_type(buffers);
  ASSERT_EQ(groups.size(), 2);
  EXPECT_EQ(groups[0].flat().sum().item<float>(), 7.0F);
  EXPECT_EQ(groups[1].flat().sum().item<std::int64_t>(), 5);
  {
    FlatRestore restore(groups);
    groups[0].flat().zero_();
    groups[1].flat().zero_();
  }
  EXPECT_EQ(buffers[2].sum().item<float>(), 4.0F);
  EXPECT_EQ(buffers[3].item<std::int64_t>(), 3);
}

TEST(FlatNorm, IsThe2NormWithAnyNumberOfThreads) {
  const FlatTensors flat({at::randn({300, 1000}), at::randn({77})});
  const double expected = flat.flat().to(at::kDouble).pow(2).sum().sqrt().item<double>();
  EXPECT_NEAR(flat_norm(flat.flat()).item<double>(), expected, 1e-5 * expected);
  testing::expect_independent_of_threads([&] {
    return testing::Golden{{"norm", flat_norm(flat.flat())}};
  });
}

}  // namespace
}  // namespace darts
