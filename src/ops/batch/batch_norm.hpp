#pragma once

#include "kernels/packing.hpp"

#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <cstdint>
#include <vector>

// A batch norm's algebra, a value a channel, between the passes over all pixels that take the sums
// and those that use what is made of them.

namespace darts::batch {

/// Two sums over all pixels of a batch, a value a channel each: Σ z and Σ z², or Σ g and Σ g·z.
struct Moments {
  const double* sums = nullptr;
  const double* products = nullptr;
};

/// Mean and 1/√(variance + ε), a value a channel: of a batch, or running.
struct BatchStatistics {
  std::vector<double> mean;
  std::vector<double> rstd;

  std::size_t channels() const { return mean.size(); }
};

/// Batch statistics from Σ z and Σ z² of `count` values a channel. Moves the running statistics as
/// LibTorch's batch norm does.
BatchStatistics take_statistics(const Moments& of_z, std::int64_t count,
                                torch::nn::BatchNorm2dImpl& norm);

BatchStatistics running_statistics(const torch::nn::BatchNorm2dImpl& norm);

/// The same as scale · z + shift, with the batch norm's own scale and shift.
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;
};
Affine affine_of(const BatchStatistics& statistics, const torch::nn::BatchNorm2dImpl& norm);

/// The gradient of z as a·g + b·z + c.
struct NormGradient {
  std::vector<double> a, b, c;
};

/// The gradients of a batch norm's scale: Σ g·x̂ for Σ g and Σ g·z.
std::vector<double> scale_gradient(const BatchStatistics& statistics, const Moments& of_g);

/// The backward pass of a batch norm, of whose output `of_g` has Σ g and Σ g·z, over `count` values
/// a channel.
NormGradient norm_gradient(const BatchStatistics& statistics, const Moments& of_g,
                           std::int64_t count, const torch::nn::BatchNorm2dImpl& norm);
/// The same of weight · x̂, a weight for all channels. (Where both can be used they agree but for
/// the order of their roundings, which recorded numbers hold on to.)
NormGradient norm_gradient(const BatchStatistics& statistics, const Moments& of_g,
                           std::int64_t count, double weight);

/// In the kernels' type, with zeros behind: up to whole vectors, and as far again, since a part of
/// a factorized reduce begins anywhere.
template <class T>
std::vector<T> padded(const std::vector<double>& values) {
  std::vector<T> out(values.size() + 2 * static_cast<std::size_t>(kernels::channel_multiple<T>()));
  std::transform(values.begin(), values.end(), out.begin(),
                 [](double value) { return static_cast<T>(value); });
  return out;
}

template <class T>
struct PaddedAffine {
  PaddedAffine() = default;
  explicit PaddedAffine(const Affine& affine)
      : scale(padded<T>(affine.scale)), shift(padded<T>(affine.shift)) {}
  std::vector<T> scale;
  std::vector<T> shift;
};

template <class T>
struct PaddedNormGradient {
  PaddedNormGradient() = default;
  explicit PaddedNormGradient(const NormGradient& gradient)
      : a(padded<T>(gradient.a)), b(padded<T>(gradient.b)), c(padded<T>(gradient.c)) {}
  std::vector<T> a, b, c;
};

}  // namespace darts::batch
