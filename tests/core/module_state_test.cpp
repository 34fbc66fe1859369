#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"

#include <darts/core/flat_tensors.hpp>
#include <darts/core/module_state.hpp>

#include <ATen/Functions.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Not;

torch::nn::Sequential network(std::int64_t channels) {
  return torch::nn::Sequential(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, channels, 3).bias(false)),
      torch::nn::BatchNorm2d(torch::nn::BatchNormOptions(channels)),
      torch::nn::BatchNorm2d(
          torch::nn::BatchNormOptions(channels).affine(false).track_running_stats(false)));
}

TEST(ModuleState, NamesParametersAndBuffers) {
  const auto module = network(4);
  NamedTensors tensors;
  collect_state(*module, "w", tensors);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    names.push_back(name);
    EXPECT_FALSE(tensor.requires_grad());
  }
  EXPECT_THAT(names, ::testing::ElementsAre("w.0.weight", "w.1.bias", "w.1.num_batches_tracked",
                                            "w.1.running_mean", "w.1.running_var", "w.1.weight"));
  EXPECT_THROW(collect_state(*module, "w", tensors), c10::Error);
}

TEST(ModuleState, ComesBackThroughAFileInPlace) {
  const testing::TemporaryFolder folder;
  auto trained = network(4);
  trained->forward(at::randn({2, 3, 8, 8}));  // moves the running statistics
  Checkpoint checkpoint;
  collect_state(*trained, "w", checkpoint.tensors);
  checkpoint.tensors["alpha.normal"] = at::zeros({14, 8});  // not below the prefix: no concern
  save_checkpoint(folder / "a", checkpoint);

  auto fresh = network(4);
  const at::Tensor weight = fresh->named_parameters()["0.weight"];
  weight.set_data(weight.contiguous(at::MemoryFormat::ChannelsLast));
  const void* const storage = weight.const_data_ptr();
  restore_state(*fresh, "w", load_checkpoint(folder / "a").tensors, "a");
  EXPECT_EQ(fresh->named_parameters()["0.weight"].const_data_ptr(), storage);
  EXPECT_TRUE(weight.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(weight.requires_grad());
  NamedTensors restored;
  collect_state(*fresh, "w", restored);
  for (const auto& [name, tensor] : restored) {
    EXPECT_TRUE(at::equal(tensor, checkpoint.tensors.at(name))) << name;
  }
}

TEST(ModuleState, WorksWithoutAPrefix) {
  auto source = network(4);
  auto target = network(4);
  NamedTensors tensors;
  collect_state(*source, "", tensors);
  restore_state(*target, "", tensors, "a");
  EXPECT_TRUE(at::equal(target->named_parameters()["0.weight"], tensors.at("0.weight")));
}

TEST(ModuleState, SaysWhatDoesNotFitAndChangesNothing) {
  NamedTensors tensors;
  collect_state(*network(4), "w", tensors);
  auto other = network(8);
  const at::Tensor before = other->named_parameters()["0.weight"].detach().clone();
  EXPECT_THAT(
      error_of([&] { restore_state(*other, "w", tensors, "runs/x/a.safetensors"); }),
      AllOf(HasSubstr("runs/x/a.safetensors does not fit this network: w.0.weight has shape "
                      "[4, 3, 3, 3] in the checkpoint, [8, 3, 3, 3] in this network"),
            HasSubstr("and 2 more"), HasSubstr("another configuration?")));
  EXPECT_TRUE(at::equal(other->named_parameters()["0.weight"], before));
}

TEST(ModuleState, SaysWhatIsMissingUnexpectedOrOfAnotherDtype) {
  auto module = network(4);
  NamedTensors tensors;
  collect_state(*module, "w", tensors);
  tensors.erase("w.1.bias");
  tensors["w.9.weight"] = at::zeros({1});
  tensors["w.1.running_var"] = at::zeros({4}, at::kDouble);
  tensors["wide.weight"] = at::zeros({1});
  EXPECT_THAT(error_of([&] { restore_state(*module, "w", tensors, "a"); }),
              AllOf(HasSubstr("w.1.bias is missing in the checkpoint"),
                    HasSubstr("w.9.weight is not part of this network"),
                    HasSubstr("w.1.running_var has dtype Double"), Not(HasSubstr("wide"))));
}

TEST(ModuleState, ChannelsLastIsAnotherOrderOfTheSameWeights) {
  torch::nn::Sequential network(torch::nn::Conv2d(3, 4, 3), torch::nn::BatchNorm2d(4));
  const at::Tensor images = at::randn({2, 3, 6, 6});
  const at::Tensor before = network->forward(images);
  const auto weight = network->named_parameters()["0.weight"];
  const at::Tensor values = weight.detach().clone();
  use_channels_last(*network);
  const FlatTensors flat(network->parameters());  // which keeps the order
  EXPECT_TRUE(weight.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_FALSE(weight.is_contiguous());
  EXPECT_TRUE(weight.equal(values));
  EXPECT_TRUE(weight.requires_grad());
  EXPECT_TRUE(network->forward(images).allclose(before, 1e-4, 1e-5));
}

}  // namespace
}  // namespace darts
