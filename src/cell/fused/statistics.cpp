#include "statistics.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

namespace darts::fused {
namespace {

template <class T>
void move_running(torch::nn::BatchNorm2dImpl& norm, const std::vector<double>& mean,
                  const std::vector<double>& variance, double count) {
  const double momentum = norm.options.momentum().value();
  const auto move = [momentum](T& running, double now) {
    running = static_cast<T>((1.0 - momentum) * static_cast<double>(running) + momentum * now);
  };
  T* const running_mean = norm.running_mean.mutable_data_ptr<T>();
  T* const running_variance = norm.running_var.mutable_data_ptr<T>();
  for (std::int64_t c = 0; c < norm.running_mean.numel(); ++c) {
    const auto at = static_cast<std::size_t>(c);
    move(running_mean[c], mean[at]);
    move(running_variance[c], variance[at] * count / (count - 1.0));
  }
  norm.num_batches_tracked.add_(1);
}

}  // namespace

std::vector<double> MomentSums::total(std::size_t tensor) const {
  std::vector<double> sum(size_);
  for (std::size_t at = tensor * size_; at < sums_.size(); at += group_size_) {
    for (std::size_t i = 0; i < size_; ++i) {
      sum[i] += sums_[at + i];
    }
  }
  return sum;
}

template <class T>
void finish(Statistics& statistics, const std::vector<double>& sums, std::int64_t count,
            const Norms& norms, bool training) {
  if (statistics.known()) {
    return;
  }
  const std::size_t channels = sums.size() / 2;
  const auto n = static_cast<double>(count);
  std::vector<double> mean(channels);
  std::vector<double> variance(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    mean[c] = sums[c] / n;
    const double difference = sums[channels + c] / n - mean[c] * mean[c];
    variance[c] = difference < 0.0 ? 0.0 : difference;  // NaN stays
  }
  for (const auto& norm : norms) {
    if (training) {
      move_running<T>(*norm, mean, variance, n);
    } else {
      std::copy_n(norm->running_mean.const_data_ptr<T>(), norm->running_mean.numel(), mean.begin());
      std::copy_n(norm->running_var.const_data_ptr<T>(), norm->running_var.numel(),
                  variance.begin());
    }
  }
  const at::TensorOptions type = norms.front()->running_mean.options();
  statistics.scale = at::empty({static_cast<std::int64_t>(channels)}, type);
  statistics.shift = at::empty({static_cast<std::int64_t>(channels)}, type);
  T* const scale = statistics.scale.mutable_data_ptr<T>();
  T* const shift = statistics.shift.mutable_data_ptr<T>();
  statistics.rstd.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    statistics.rstd[c] = 1.0 / std::sqrt(variance[c] + norms.front()->options.eps());
    scale[c] = static_cast<T>(statistics.rstd[c]);
    shift[c] = static_cast<T>(-mean[c] * statistics.rstd[c]);
  }
  statistics.mean = std::move(mean);
}

template void finish<float>(Statistics&, const std::vector<double>&, std::int64_t, const Norms&,
                            bool);
template void finish<double>(Statistics&, const std::vector<double>&, std::int64_t, const Norms&,
                             bool);

}  // namespace darts::fused
