#include "blends.hpp"

#include "processor.hpp"

namespace darts::fused::cpu {

/// − alpha · mean / σ.
template <class T, class S>
void CpuProcessor<T, S>::subtract_mean(const Summand& summand, std::vector<double>& shift) const {
  const batch::BatchStatistics& statistics = pass_.norms[*summand.norm].statistics;
  for (std::size_t c = 0; c < statistics.channels(); ++c) {
    shift[c] -= pass_.mixing_weight(summand.link) * statistics.mean[c] * statistics.rstd[c];
  }
}

/// alpha · (z − mean) / σ of all that enters, with alpha folded into the batch norms.
template <class T, class S>
at::Tensor CpuProcessor<T, S>::sum_node(std::span<const Summand> entering) {
  at::Tensor node = new_node<T>(pass_);
  Cost cost{0, bytes_of({node})};
  ImageSum<T, S> sum(pass_.node_pixels(), pass_.channels);
  std::vector<double> bias(static_cast<std::size_t>(pass_.channels));
  for (const Summand& summand : entering) {
    cost.multiply_adds += pass_.images * pass_.node_pixels() * pass_.lanes;
    cost.bytes += bytes_of({summand.images});
    const DroppedEdge<T> dropped = pass_.dropped_edge(summand.link);
    if (!summand.norm) {
      sum.add(summand.images, scale_of(pass_, summand.link), {}, dropped);
    } else if (dropped.drops()) {
      std::vector<double> shift(bias.size());
      subtract_mean(summand, shift);
      sum.add(summand.images, scale_of(pass_, summand.link, *summand.norm), batch::padded<T>(shift),
              dropped);
    } else {
      sum.add(summand.images, scale_of(pass_, summand.link, *summand.norm));
      subtract_mean(summand, bias);
    }
  }
  sum.set_bias(batch::padded<T>(bias));
  const Phase phase("cell: sums of nodes", cost);
  batch::for_groups<T>(pass_.images, 0, [&](const batch::ImageGroup& group, T*) {
    for (std::int64_t n = group.first; n < group.last; ++n) {
      sum.run(n, image_of<T>(node, n));
    }
  });
  return node;
}

template at::Tensor FloatProcessor::sum_node(std::span<const Summand>);
template at::Tensor BFloat16Processor::sum_node(std::span<const Summand>);
template at::Tensor DoubleProcessor::sum_node(std::span<const Summand>);

}  // namespace darts::fused::cpu
