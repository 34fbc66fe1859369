#include "statistics.hpp"

#include "norm_block/statistics.hpp"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <utility>

namespace darts::fused {
namespace {

/// Of the real channels alone.
std::vector<double> without_padding(const std::vector<double>& sums, std::size_t channels) {
  std::vector<double> real(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(channels));
  const auto second = sums.begin() + std::ssize(sums) / 2;
  real.insert(real.end(), second, second + static_cast<std::ptrdiff_t>(channels));
  return real;
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
  const auto real_channels = static_cast<std::size_t>(norms.front()->running_mean.numel());
  const std::vector<double> real = without_padding(sums, real_channels);
  TORCH_CHECK(!training || count > 1,
              "fused cell: a batch norm in training needs more than one value a channel");
  norm_block::BatchStatistics taken;
  for (const auto& norm : norms) {
    taken = training ? norm_block::take_statistics(real, count, *norm)
                     : norm_block::running_statistics(*norm);
  }
  const std::size_t channels = sums.size() / 2;
  taken.mean.resize(channels);  // channels that pad the real ones stay zero
  taken.rstd.resize(channels);
  const at::TensorOptions type = norms.front()->running_mean.options();
  statistics.scale = at::empty({static_cast<std::int64_t>(channels)}, type);
  statistics.shift = at::empty({static_cast<std::int64_t>(channels)}, type);
  T* const scale = statistics.scale.mutable_data_ptr<T>();
  T* const shift = statistics.shift.mutable_data_ptr<T>();
  for (std::size_t c = 0; c < channels; ++c) {
    scale[c] = static_cast<T>(taken.rstd[c]);
    shift[c] = static_cast<T>(-taken.mean[c] * taken.rstd[c]);
  }
  statistics.mean = std::move(taken.mean);
  statistics.rstd = std::move(taken.rstd);
}

template void finish<float>(Statistics&, const std::vector<double>&, std::int64_t, const Norms&,
                            bool);
template void finish<double>(Statistics&, const std::vector<double>&, std::int64_t, const Norms&,
                             bool);

}  // namespace darts::fused
