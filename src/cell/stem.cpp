#include <darts/cell/stem.hpp>
#include <darts/ops/batch_norm.hpp>
#include <darts/ops/run_chain.hpp>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>

namespace darts {
namespace {

torch::nn::Conv2d conv_3x3(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false));
}

}  // namespace

Choices<NetworkStem> stem_choices() {
  return one_of<NetworkStem>({{"cifar", NetworkStem::cifar}, {"imagenet", NetworkStem::imagenet}});
}

Stem::Stem(torch::nn::Module& network, const StemOptions& options) {
  using torch::nn::ReLU;
  using torch::nn::Sequential;
  const std::int64_t c = options.channels;
  const auto norm = [&options](std::int64_t channels) {
    return BatchNorm2d(torch::nn::BatchNorm2dOptions(channels).affine(options.affine));
  };
  if (options.kind == NetworkStem::cifar) {
    first_ = network.register_module("stem",
                                     Sequential(conv_3x3(options.image_channels, c, 1), norm(c)));
    return;
  }
  first_ = network.register_module(
      "stem0", Sequential(conv_3x3(options.image_channels, c / 2, 2), norm(c / 2), ReLU(),
                          conv_3x3(c / 2, c, 2), norm(c)));
  second_ = network.register_module("stem1", Sequential(ReLU(), conv_3x3(c, c, 2), norm(c)));
}

std::pair<at::Tensor, at::Tensor> Stem::forward(const at::Tensor& images, Execution execution) {
  at::Tensor s0 = run_chain(first_, images, execution);
  at::Tensor s1 = second_ ? run_chain(second_, s0, execution) : s0;
  return {std::move(s0), std::move(s1)};
}

}  // namespace darts
