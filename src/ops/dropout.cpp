#include "batch/groups.hpp"

#include <darts/core/split_mix.hpp>
#include <darts/ops/drop_path.hpp>
#include <darts/ops/dropout.hpp>

#include <ATen/ops/empty.h>

#include <algorithm>

namespace darts {
namespace {

template <class Operation>
void set_probability(torch::nn::Module& network, double probability) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* operation = dynamic_cast<Operation*>(module.get())) {
      operation->set_probability(probability);
    }
  }
}

/// Of each value, whether it is kept: two of them a word, with a probability that is right to 2⁻³².
void draw(std::uint64_t key, double dropped, const at::Tensor& kept) {
  constexpr double all = 4294967296.0;
  constexpr std::int64_t grain = 8192;
  const auto limit = static_cast<std::uint32_t>(std::min(dropped * all, all - 1.0));
  bool* const to = kept.mutable_data_ptr<bool>();
  const std::int64_t count = kept.numel();
  batch::in_parallel((count + 1) / 2, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t pairs = std::min(end, count / 2);
    for (std::int64_t i = begin; i < pairs; ++i) {
      const std::uint64_t bits = split_mix_word(key, static_cast<std::uint64_t>(i));
      to[2 * i] = static_cast<std::uint32_t>(bits) >= limit;
      to[2 * i + 1] = static_cast<std::uint32_t>(bits >> 32U) >= limit;
    }
    if (pairs < end) {  // one without its other
      to[count - 1] = static_cast<std::uint32_t>(
                          split_mix_word(key, static_cast<std::uint64_t>(pairs))) >= limit;
    }
  });
}

}  // namespace

at::Tensor DroppingOperation::draw_kept(std::vector<std::int64_t> sizes,
                                        const c10::Device& device) {
  sizes.front() = all_rows(sizes.front());
  at::Tensor kept = at::empty(sizes, at::TensorOptions(device).dtype(at::kBool));
  if (device.is_cpu()) {
    RandomStream next = stream();
    draw(next(), probability_, kept);
    restart(next);
  } else {
    kept.bernoulli_(1.0 - probability_, next_generator(device));
  }
  return own_rows(kept);
}

at::Tensor SkipDropoutImpl::draw(at::IntArrayRef sizes, const c10::Device& device) {
  if (!is_training() || probability() == 0.0) {
    return {};
  }
  return draw_kept({sizes[0], sizes[2], sizes[3], sizes[1]}, device).permute({0, 3, 1, 2});
}

at::Tensor SkipDropoutImpl::forward(const at::Tensor& x) {
  const at::Tensor kept = draw(x.sizes(), x.device());
  return kept.defined() ? x * kept.to(x.scalar_type()).div_(1.0 - probability()) : x;
}

at::Tensor EdgeDropPathImpl::draw(std::int64_t images, const c10::Device& device) {
  if (!is_training() || probability() == 0.0) {
    return {};
  }
  return draw_kept({images}, device).to(at::kDouble).div_(1.0 - probability());
}

at::Tensor EdgeDropPathImpl::forward(const at::Tensor& x) {
  const at::Tensor factors = draw(x.size(0), x.device());
  return factors.defined() ? drop_images(x, factors) : x;
}

void set_skip_dropout(torch::nn::Module& network, double probability) {
  set_probability<SkipDropoutImpl>(network, probability);
}

void set_edge_drop_path(torch::nn::Module& network, double probability) {
  set_probability<EdgeDropPathImpl>(network, probability);
}

}  // namespace darts
