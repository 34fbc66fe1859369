#include "batch_norm.hpp"

#include <cmath>

namespace darts::batch {
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

BatchStatistics take_statistics(const Moments& of_z, std::int64_t count,
                                torch::nn::BatchNorm2dImpl& norm) {
  const auto channels = static_cast<std::size_t>(norm.running_mean.numel());
  const auto n = static_cast<double>(count);
  BatchStatistics statistics{std::vector<double>(channels), std::vector<double>(channels)};
  std::vector<double> unbiased(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = of_z.sums[c] / n;
    const double difference = of_z.products[c] / n - mean * mean;
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

std::vector<double> scale_gradient(const BatchStatistics& statistics, const Moments& of_g) {
  std::vector<double> gradient(statistics.channels());
  for (std::size_t c = 0; c < gradient.size(); ++c) {
    gradient[c] = (of_g.products[c] - statistics.mean[c] * of_g.sums[c]) * statistics.rstd[c];
  }
  return gradient;
}

NormGradient norm_gradient(const BatchStatistics& statistics, const Moments& of_g,
                           std::int64_t count, const torch::nn::BatchNorm2dImpl& norm) {
  const auto n = static_cast<double>(count);
  const std::vector<double> of_scale = scale_gradient(statistics, of_g);
  NormGradient result{values_or(norm.weight, statistics.channels(), 1.0), {}, {}};
  for (std::size_t c = 0; c < statistics.channels(); ++c) {
    result.a[c] *= statistics.rstd[c];
    const double slope = -result.a[c] * statistics.rstd[c] * of_scale[c] / n;
    result.b.push_back(slope);
    result.c.push_back(-result.a[c] * of_g.sums[c] / n - slope * statistics.mean[c]);
  }
  return result;
}

NormGradient norm_gradient(const BatchStatistics& statistics, const Moments& of_g,
                           std::int64_t count, double weight) {
  const auto n = static_cast<double>(count);
  NormGradient result;
  for (std::size_t c = 0; c < statistics.channels(); ++c) {
    const double mean = statistics.mean[c];
    const double rstd = statistics.rstd[c];
    const double mean_g = weight * of_g.sums[c] / n;
    const double mean_gx = weight * (of_g.products[c] - mean * of_g.sums[c]) * rstd / n;
    const double slope = -rstd * rstd * mean_gx;
    result.a.push_back(weight * rstd);
    result.b.push_back(slope);
    result.c.push_back(-rstd * mean_g - slope * mean);
  }
  return result;
}

}  // namespace darts::batch
