#include "dropout.hpp"
#include "pools.hpp"
#include "processor.hpp"
#include "weight_sums.hpp"
#include "workspace.hpp"

#include <algorithm>
#include <functional>

namespace darts::fused::cpu {
namespace {

const at::Tensor& node_gradient(const ConvolutionPass& convolution, Tensors gradients) {
  return gradients[static_cast<std::size_t>(convolution.link.to)];
}

/// Of the batch norm's output of a convolution's first unit.
const at::Tensor& first_gradient(const ConvolutionPass& convolution, Tensors gradients) {
  return convolution.second ? convolution.first.gradient : node_gradient(convolution, gradients);
}

template <class T, class S>
kernels::SeparableBackward<T, S> task_in(const CpuPass<T, S>&, const Workspace<T>& own) {
  kernels::SeparableBackward<T, S> task;
  task.input = own.input;
  task.room = own.room;
  task.scratch = own.scratch;
  return task;
}

/// The gradient of a unit's output, before its own part of drop path.
template <class T>
struct UnitGradient {
  const at::Tensor& images;
  DroppedEdge<T> dropped = {};  ///< of a node's: of the edge that the unit leads to it
};

/// Image n of a unit; `task` says what comes of it. sums: of its weights' gradients; null: not
/// wanted.
template <class T, class S>
void run_unit(const CpuPass<T, S>& pass, const UnitPass& unit, const UnitGradient<T>& gradient,
              std::int64_t n, T* sums, kernels::SeparableBackward<T, S>& task) {
  const Unit& planned = pass.plan->units[unit.unit];
  const UnitWeights<T>& weights = pass.units[unit.unit];
  const batch::PaddedNormGradient<T>& norm = pass.norms[unit.unit].gradient;
  task.shape = pass.shape(planned);
  std::vector<T> slope;
  if (const T* const factors = gradient.dropped.of(n)) {
    slope = norm.a;
    std::transform(factors, factors + pass.channels, slope.begin(), slope.begin(),
                   std::multiplies<>());
  }
  task.gradient = {image_of<T>(gradient.images, n), image_of<S>(unit.z, n),
                   slope.empty() ? norm.a.data() : slope.data(), norm.b.data(), norm.c.data()};
  task.depthwise = weights.backward.data();
  task.pointwise_t = task.depthwise + weights.packing.pointwise_transposed();
  task.grad_depthwise = sums;
  task.grad_pointwise = sums == nullptr ? nullptr : sums + weights.packing.pointwise();
  if (planned.kind == UnitKind::separable) {
    kernels::separable_backward(task);
    return;
  }
  const kernels::SeparableShape& s = task.shape;
  kernels::factorized_backward<T, S>({{s.out_height, s.out_width, s.in_channels, s.out_channels},
                                      task.input,
                                      task.gradient,
                                      task.pointwise_t,
                                      task.scratch,
                                      task.grad_pointwise,
                                      task.grad_sum});
}

/// What image n of convolution i's second unit reads, and what comes of it.
template <class T, class S>
void prepare_second(const CpuPass<T, S>& pass, const std::vector<ConvolutionPass*>& halves,
                    Tensors gradients, std::size_t i, std::int64_t n,
                    kernels::SeparableBackward<T, S>& task) {
  const UnitPass& first = halves[i]->first;
  fill_normalised(pass, first, n, task.input);
  task.grad_masked = image_of<T>(first.gradient, n);
  task.before_relu = image_of<S>(first.z, n);
  const Next next(i, halves.size(), n);
  const ConvolutionPass& then = *halves[next.item];
  task.ahead_g = ahead(node_gradient(then, gradients), next.image);
  task.ahead_z = ahead(then.second->z, next.image);
  task.ahead_input = ahead(then.first.z, next.image);
}

/// Image n of all first units.
template <class T, class S>
void run_image(const CpuPass<T, S>& pass, const StatePass& from, Tensors gradients, std::int64_t n,
               const WeightSums<T, S>& weight_sums, T* group_sums,
               kernels::SeparableBackward<T, S>& task) {
  kernels::fill_relu<T>(image_of<T>(from.value, n), nullptr, nullptr, task.input);
  for (std::size_t i = 0; i < from.convolutions.size(); ++i) {
    const ConvolutionPass& convolution = from.convolutions[i];
    const Next next(i, from.convolutions.size(), n);
    const ConvolutionPass& then = from.convolutions[next.item];
    task.ahead_g = ahead(first_gradient(then, gradients), next.image);
    task.ahead_z = ahead(then.first.z, next.image);
    task.ahead_input = next.item == 0 ? ahead(from.value, next.image) : kernels::Ahead{};
    const UnitGradient<T> gradient{
        first_gradient(convolution, gradients),
        convolution.second ? DroppedEdge<T>() : pass.dropped_edge(convolution.link)};
    run_unit(pass, convolution.first, gradient, n, weight_sums.of(group_sums, i), task);
  }
}

/// The gradient of a state, but for its ReLU's.
template <class T, class S>
class StateGradient {
 public:
  StateGradient(const CpuPass<T, S>& pass, const StatePass& from, Tensors gradients)
      : from_(from), direct_(from.value.size(1) * from.value.size(2), pass.channels) {
    if (const at::Tensor& own = gradients[static_cast<std::size_t>(from.index)]; own.defined()) {
      direct_.add(own, {});  // a node's, as a part of the cell's output
    }
    for (const IdentityPass& identity : from.identities) {
      const at::Tensor& of_node = gradients[static_cast<std::size_t>(identity.link.to)];
      direct_.add(dropped<T>(identity, of_node), scale_of(pass, identity.link), {},
                  pass.dropped_edge(identity.link));
    }
    for (const PoolPass& pool : from.pools) {
      pools_.push_back(pool_gradient(pass, pool, gradients));
    }
  }

  /// to = image n of it, plus `own.image` where the ReLU is open.
  void run(std::int64_t n, const Workspace<T>& own, T* to) const {
    direct_.run(n, to, own.image, image_of<T>(from_.value, n));
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      run_pool_backward(from_, from_.pools[i], pools_[i], n, own.pooled, to);
    }
  }

 private:
  const StatePass& from_;
  ImageSum<T, S> direct_;
  std::vector<ImageSum<T, S>> pools_;
};

}  // namespace

template <class T, class S>
void CpuProcessor<T, S>::run_second_units_backward(StatePass& from, Tensors gradients,
                                                   std::vector<at::Tensor>* weights) {
  Cost cost;  // reads G, z and the first half's output, writes its gradient
  std::vector<const UnitPass*> units;
  const std::vector<ConvolutionPass*> halves = with_second(from);
  for (ConvolutionPass* half : halves) {
    half->first.gradient = new_node<T>(pass_);
    units.push_back(&*half->second);
    cost.multiply_adds += (weights != nullptr ? 2 : 1) * pass_.multiply_adds(*half->second);
    cost.bytes += 2 * (bytes_of({half->first.gradient, half->first.z}));
  }
  const WeightSums<T, S> weight_sums(pass_, units, weights);
  const batch::GroupSums<double> sums(pass_.images, std::ssize(halves) * 2 * pass_.channels);
  const Phase phase("cell: second convolutions backward", cost);
  const auto run_group = [&](const batch::ImageGroup& group, T* memory) {
    auto task = task_in(pass_, Workspace<T>(pass_, pass_.node_height, pass_.node_width, memory));
    double* const group_sums = sums.begin(group);
    T* const group_weights = weight_sums.begin(group);
    for (std::int64_t n = group.first; n < group.last; ++n) {
      task.sums = group_sums;
      for (std::size_t i = 0; i < halves.size(); ++i, task.sums += 2 * pass_.channels) {
        prepare_second(pass_, halves, gradients, i, n, task);
        const UnitGradient<T> gradient{node_gradient(*halves[i], gradients),
                                       pass_.dropped_edge(halves[i]->link)};
        run_unit(pass_, *units[i], gradient, n, weight_sums.of(group_weights, i), task);
      }
    }
  };
  batch::for_groups<T>(pass_.images, Workspace<T>::size(pass_, pass_.node_height, pass_.node_width),
                       run_group);
  std::vector<double> total = sums.total();
  pass_.add_up(total);
  const double* moments = total.data();
  for (const ConvolutionPass* half : halves) {
    pass_.take_gradient(half->first.unit, {moments, moments + pass_.channels}, 1.0);
    moments += 2 * pass_.channels;
  }
  weight_sums.take();
}

template <class T, class S>
at::Tensor CpuProcessor<T, S>::run_first_units_backward(const StatePass& from, Tensors gradients,
                                                        bool state_wanted,
                                                        std::vector<at::Tensor>* weights) {
  Cost cost{0,
            2 * bytes_of({from.value})};  // reads it, and a gradient and z an edge; writes its own
  std::vector<const UnitPass*> units;
  for (const ConvolutionPass& convolution : from.convolutions) {
    units.push_back(&convolution.first);
    cost.multiply_adds += ((weights != nullptr ? 1 : 0) + (state_wanted ? 1 : 0)) *
                          pass_.multiply_adds(convolution.first);
    cost.bytes += bytes_of({node_gradient(convolution, gradients), convolution.first.z});
  }
  const WeightSums<T, S> weight_sums(pass_, std::move(units), weights);
  const StateGradient<T, S> rest(pass_, from, gradients);
  const at::Tensor gradient = state_wanted ? new_tensor<T>(from.value.sizes()) : at::Tensor();
  const std::int64_t height = from.value.size(1);
  const std::int64_t width = from.value.size(2);
  const Phase phase("cell: pools, first convolutions backward", cost);
  const auto run_group = [&](const batch::ImageGroup& group, T* memory) {
    const Workspace<T> own(pass_, height, width, memory);
    auto task = task_in(pass_, own);
    task.grad_sum = state_wanted ? own.image : nullptr;
    T* const group_sums = weight_sums.begin(group);
    for (std::int64_t n = group.first; n < group.last; ++n) {
      std::fill_n(own.image, height * width * pass_.channels, T(0));
      run_image(pass_, from, gradients, n, weight_sums, group_sums, task);
      if (state_wanted) {
        rest.run(n, own, image_of<T>(gradient, n));
      }
    }
  };
  batch::for_groups<T>(pass_.images, Workspace<T>::size(pass_, height, width), run_group);
  weight_sums.take();
  return gradient;
}

using Weights = std::vector<at::Tensor>;
template void FloatProcessor::run_second_units_backward(StatePass&, Tensors, Weights*);
template void BFloat16Processor::run_second_units_backward(StatePass&, Tensors, Weights*);
template void DoubleProcessor::run_second_units_backward(StatePass&, Tensors, Weights*);
template at::Tensor FloatProcessor::run_first_units_backward(const StatePass&, Tensors, bool,
                                                             Weights*);
template at::Tensor BFloat16Processor::run_first_units_backward(const StatePass&, Tensors, bool,
                                                                Weights*);
template at::Tensor DoubleProcessor::run_first_units_backward(const StatePass&, Tensors, bool,
                                                              Weights*);

}  // namespace darts::fused::cpu
