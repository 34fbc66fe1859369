#pragma once

#include "images.hpp"

#include <deque>
#include <optional>

namespace darts::fused::cpu {

/// bias + Σ scale · images, image by image; scales and bias are a value a channel.
template <class T, class S>
class ImageSum {
 public:
  ImageSum(std::int64_t pixels, std::int64_t channels) : pixels_(pixels), channels_(channels) {}

  /// Scale: empty: 1.
  void add(const at::Tensor& images, std::vector<T> scale) {
    summands_.push_back({images, std::move(scale), {}, {}});
  }
  /// (scale · images + shift) · factors. Shift: empty: 0.
  void add(const at::Tensor& images, std::vector<T> scale, std::vector<T> shift,
           DroppedEdge<T> factors) {
    summands_.push_back({images, std::move(scale), std::move(shift), factors});
  }
  void set_bias(std::vector<T> bias) { bias_ = std::move(bias); }

  /// Of images n; plus `masked` where `mask` is above 0.
  void run(std::int64_t n, T* out, const T* masked = nullptr, const T* mask = nullptr) const {
    std::vector<kernels::Term<T>> terms;
    std::vector<kernels::Term<T, S>> stored;
    std::deque<std::vector<T>> of_image;  // scales of what was dropped in part; they stay in place
    std::optional<std::vector<T>> bias_of_image;
    for (const Summand& summand : summands_) {
      const T* scale = summand.scale.empty() ? nullptr : summand.scale.data();
      if (const T* const factors = summand.factors.of(n)) {
        of_image.push_back(scaled(summand.scale, factors));
        scale = of_image.back().data();
        if (!summand.shift.empty()) {
          add_scaled(summand.shift, factors,
                     bias_of_image ? *bias_of_image : bias_of_image.emplace(bias_));
        }
      }
      if (const auto image = factor_of<T, S>(summand.images, n); image.x != nullptr) {
        terms.push_back({image.x, scale});
      } else {
        stored.push_back({image.stored, scale});
      }
    }
    const std::vector<T>& bias = bias_of_image ? *bias_of_image : bias_;
    kernels::weighted_sum<T, S>({pixels_, channels_, terms, stored,
                                 bias.empty() ? nullptr : bias.data(), masked, mask, out});
  }

 private:
  struct Summand {
    at::Tensor images;
    std::vector<T> scale;
    std::vector<T> shift;
    DroppedEdge<T> factors;
  };

  std::vector<T> scaled(const std::vector<T>& scale, const T* factors) const {
    std::vector<T> product(factors, factors + channels_);
    for (std::size_t c = 0; c < product.size() && !scale.empty(); ++c) {
      product[c] *= scale[c];
    }
    return product;
  }
  void add_scaled(const std::vector<T>& shift, const T* factors, std::vector<T>& bias) const {
    bias.resize(static_cast<std::size_t>(channels_));
    for (std::size_t c = 0; c < bias.size(); ++c) {
      bias[c] += factors[c] * shift[c];
    }
  }

  std::int64_t pixels_;  ///< of an image
  std::int64_t channels_;
  std::vector<Summand> summands_;
  std::vector<T> bias_;  ///< empty: 0
};

/// How what enters a node by a link is scaled: a mixing weight for every channel, …
template <class T, class S>
std::vector<T> scale_of(const CpuPass<T, S>& pass, const Link& link) {
  return std::vector<T>(static_cast<std::size_t>(pass.channels),
                        static_cast<T>(pass.mixing_weight(link)));
}
/// … and over σ of a batch norm.
template <class T, class S>
std::vector<T> scale_of(const CpuPass<T, S>& pass, const Link& link, std::size_t norm) {
  std::vector<double> scale = pass.norms[norm].statistics.rstd;
  for (double& value : scale) {
    value *= pass.mixing_weight(link);
  }
  return batch::padded<T>(scale);
}

}  // namespace darts::fused::cpu
