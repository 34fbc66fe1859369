#include "blends.hpp"

#include "calls.hpp"

namespace darts::fused::cpu {

/// alpha · (z − mean) / σ of all that enters, with alpha folded into the batch norms.
template <class T, class S>
at::Tensor sum_node(const CpuPass<T, S>& pass, std::span<const Summand> entering) {
  at::Tensor node = new_node<T>(pass);
  Cost cost{0, bytes_of({node})};
  ImageSum<T, S> sum(pass.node_pixels(), pass.channels);
  std::vector<double> bias(static_cast<std::size_t>(pass.channels));
  for (const Summand& summand : entering) {
    cost.multiply_adds += pass.images * pass.node_pixels() * pass.plan->channels;
    cost.bytes += bytes_of({summand.images});
    if (!summand.norm) {
      sum.add(summand.images, scale_of(pass, summand.link));
      continue;
    }
    sum.add(summand.images, scale_of(pass, summand.link, *summand.norm));
    const batch::BatchStatistics& statistics = pass.norms[*summand.norm].statistics;
    for (std::size_t c = 0; c < statistics.channels(); ++c) {
      bias[c] -= pass.mixing_weight(summand.link) * statistics.mean[c] * statistics.rstd[c];
    }
  }
  sum.set_bias(batch::padded<T>(bias));
  const Phase phase("cell: sums of nodes", cost);
  batch::for_groups<T>(pass.images, 0, [&](const batch::ImageGroup& group, T*) {
    for (std::int64_t n = group.first; n < group.last; ++n) {
      sum.run(n, image_of<T>(node, n));
    }
  });
  return node;
}

template at::Tensor sum_node(const FloatPass&, std::span<const Summand>);
template at::Tensor sum_node(const BFloat16Pass&, std::span<const Summand>);
template at::Tensor sum_node(const DoublePass&, std::span<const Summand>);

}  // namespace darts::fused::cpu
