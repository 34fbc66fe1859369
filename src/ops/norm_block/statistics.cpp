#include "statistics.hpp"

#include <cmath>

namespace darts::norm_block {
namespace {

/// A tensor of one dimension as doubles.
std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kDouble).contiguous();
  const double* const first = values.const_data_ptr<double>();
  return {first, first + values.numel()};
}

/// A batch norm's scale or shift, or what stands for it where it has none.
std::vector<double> values_or(const at::Tensor& tensor, std::size_t channels, double otherwise) {
  return tensor.defined() ? values_of(tensor) : std::vector<double>(channels, otherwise);
}

void move_running(const at::Tensor& running, const std::vector<double>& now, double share) {
  const auto move = [&](auto* values) {
    using T = std::remove_pointer_t<decltype(values)>;
    for (std::size_t c = 0; c < now.size(); ++c) {
      values[c] = static_cast<T>((1.0 - share) * static_cast<double>(values[c]) + share * now[c]);
    }
  };
  if (running.scalar_type() == at::kFloat) {
    move(running.mutable_data_ptr<float>());
  } else {
    move(running.mutable_data_ptr<double>());
  }
}

void reciprocal_deviations(std::vector<double>& variance, double epsilon) {
  for (double& v : variance) {
    v = 1.0 / std::sqrt(v + epsilon);
  }
}

}  // namespace

BatchStatistics take_statistics(const std::vector<double>& sums, std::int64_t count,
                                torch::nn::BatchNorm2dImpl& norm) {
  const std::size_t channels = sums.size() / 2;
  const auto n = static_cast<double>(count);
  BatchStatistics statistics{std::vector<double>(channels), std::vector<double>(channels)};
  std::vector<double> unbiased(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = sums[c] / n;
    const double difference = sums[channels + c] / n - mean * mean;
    statistics.mean[c] = mean;
    statistics.rstd[c] = difference < 0.0 ? 0.0 : difference;  // NaN stays
    unbiased[c] = statistics.rstd[c] * n / (n - 1.0);
  }
  norm.num_batches_tracked.add_(1);
  // Without a momentum: the mean of all batches so far.
  const double share =
      norm.options.momentum().value_or(1.0 / norm.num_batches_tracked.item<double>());
  move_running(norm.running_mean, statistics.mean, share);
  move_running(norm.running_var, unbiased, share);
  reciprocal_deviations(statistics.rstd, norm.options.eps());
  return statistics;
}

BatchStatistics running_statistics(const torch::nn::BatchNorm2dImpl& norm) {
  BatchStatistics statistics{values_of(norm.running_mean), values_of(norm.running_var)};
  reciprocal_deviations(statistics.rstd, norm.options.eps());
  return statistics;
}

Affine affine_of(const BatchStatistics& statistics, const torch::nn::BatchNorm2dImpl& norm) {
  const std::size_t channels = statistics.mean.size();
  Affine affine{values_or(norm.weight, channels, 1.0), values_or(norm.bias, channels, 0.0)};
  for (std::size_t c = 0; c < affine.scale.size(); ++c) {
    affine.scale[c] *= statistics.rstd[c];
    affine.shift[c] -= statistics.mean[c] * affine.scale[c];
  }
  return affine;
}

NormGradient norm_gradient(const BatchStatistics& statistics, const std::vector<double>& sums,
                           std::int64_t count, const torch::nn::BatchNorm2dImpl& norm) {
  const std::size_t channels = sums.size() / 2;
  const auto n = static_cast<double>(count);
  NormGradient result;
  result.a = values_or(norm.weight, channels, 1.0);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = statistics.mean[c];
    const double rstd = statistics.rstd[c];
    result.bias.push_back(sums[c]);
    result.weight.push_back((sums[channels + c] - mean * sums[c]) * rstd);
    result.a[c] *= rstd;
    const double slope = -result.a[c] * rstd * result.weight[c] / n;
    result.b.push_back(slope);
    result.c.push_back(-result.a[c] * sums[c] / n - slope * mean);
  }
  return result;
}

}  // namespace darts::norm_block
