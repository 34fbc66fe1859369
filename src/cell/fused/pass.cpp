#include "pass.hpp"

#include "kernels/factorized.hpp"

#include <darts/cell/topology.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace darts::fused {
namespace {

constexpr std::int64_t most_groups = 32;
constexpr std::int64_t pixels_a_task = 4096;

std::int64_t rounded_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

template <class T, class S>
CellPass<T, S>::CellPass(std::shared_ptr<const CellPlan> cell_plan, CellInputs cell_inputs,
                         PassOptions how)
    : plan(std::move(cell_plan)), inputs(std::move(cell_inputs)), options(how) {
  type = at::TensorOptions().dtype(inputs.s1.dtype()).device(inputs.s1.device());
  const at::Tensor weights = inputs.mixing.to(at::kDouble).contiguous();
  mixing_.assign(weights.const_data_ptr<double>(),
                 weights.const_data_ptr<double>() + weights.numel());
  set_sizes();
}

template <class T, class S>
void CellPass<T, S>::set_sizes() {
  const at::Tensor& x = inputs.s1;
  images = x.size(0);
  channels = rounded_up(plan->channels, kernels::channel_multiple<T>());
  groups = std::min(images, most_groups);
  states.resize(static_cast<std::size_t>(plan->states()));
  const std::int64_t stride = plan->reduction ? 2 : 1;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const bool input = std::cmp_less(i, cell_inputs);
    const std::int64_t step = input ? 1 : stride;
    states[i].stride = input ? stride : 1;
    states[i].height = (x.size(2) - 1) / step + 1;
    states[i].width = (x.size(3) - 1) / step + 1;
  }
  units.resize(plan->units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const Unit& unit = plan->units[i];
    units[i].shape = {node().height, node().width, channels,     channels,
                      unit.kernel,   unit.stride,  unit.dilation};
  }
}

template <class T, class S>
std::int64_t CellPass<T, S>::bytes(const StatePass& of) const {
  return images * of.height * of.width * channels * std::int64_t{sizeof(T)};
}

template <class T, class S>
std::int64_t CellPass<T, S>::multiply_adds(std::size_t unit) const {
  return images * node_pixels() * plan->multiply_adds(plan->units[unit]);
}

/// The input states', which are the largest.
template <class T, class S>
kernels::PaddedImage<T> CellPass<T, S>::largest_padded() const {
  return {nullptr, states.front().height, states.front().width, channels, plan->padding};
}

template <class T, class S>
std::int64_t CellPass<T, S>::workspace_size() const {
  std::int64_t scratch =
      kernels::factorized_scratch({node().height, node().width, channels, channels});
  for (const UnitPass& unit : units) {
    scratch = std::max(scratch, kernels::separable_scratch(unit.shape));
  }
  const std::int64_t image = states.front().height * states.front().width * channels;
  return 2 * largest_padded().size() + 2 * image +
         rounded_up(scratch, kernels::channel_multiple<T>());
}

template <class T, class S>
Workspace<T> CellPass<T, S>::workspace_at(T* base) const {
  const std::int64_t padded = largest_padded().size();
  const std::int64_t image = states.front().height * states.front().width * channels;
  T* const unpadded = base + 2 * padded;
  return {base, base + padded, unpadded, unpadded + image, unpadded + 2 * image};
}

template <class T, class S>
void CellPass<T, S>::for_groups(
    const std::function<void(const Group&, const Workspace<T>&)>& work) const {
  const at::Tensor memory = at::empty({at::get_num_threads(), workspace_size()}, type);
  at::parallel_for(0, groups, 1, [&](std::int64_t begin, std::int64_t end) {
    const Workspace<T> own =
        workspace_at(memory.mutable_data_ptr<T>() + at::get_thread_num() * memory.size(1));
    for (std::int64_t group = begin; group < end; ++group) {
      work({group, group * images / groups, (group + 1) * images / groups}, own);
    }
  });
}

template <class T, class S>
kernels::PaddedImage<T> CellPass<T, S>::cleared(T* data, std::int64_t height,
                                                std::int64_t width) const {
  const kernels::PaddedImage<T> image{data, height, width, channels, plan->padding};
  std::fill_n(image.data, image.size(), T(0));
  return image;
}

template <class T, class S>
at::Tensor CellPass<T, S>::new_images(std::int64_t height, std::int64_t width) const {
  return at::empty({images, height, width, channels}, type);
}

template <class T, class S>
T* CellPass<T, S>::image_of(const at::Tensor& of, std::int64_t n) const {
  return of.mutable_data_ptr<T>() + n * of.stride(0);
}

template <class T, class S>
at::Tensor CellPass<T, S>::new_output() const {
  const at::ScalarType stored =
      std::is_same_v<S, kernels::BFloat16> ? at::kBFloat16 : type.dtype().toScalarType();
  return at::empty({images, node().height, node().width, channels}, type.dtype(stored));
}

template <class T, class S>
S* CellPass<T, S>::output_of(const at::Tensor& of, std::int64_t n) const {
  return static_cast<S*>(of.mutable_data_ptr()) + n * of.stride(0);
}

template <class T, class S>
kernels::Factor<T, S> CellPass<T, S>::factor_of(const at::Tensor& of, std::int64_t n) const {
  if (!of.defined()) {
    return {};
  }
  if (of.element_size() == sizeof(T)) {  // also where both types are the same
    return {image_of(of, n), nullptr};
  }
  return {nullptr, output_of(of, n)};
}

template <class T, class S>
at::Tensor CellPass<T, S>::to_dense(const at::Tensor& nchw, std::int64_t first_channel) const {
  const at::Tensor from = nchw.detach().contiguous(at::MemoryFormat::ChannelsLast);
  const std::int64_t step = from.size(1);
  const std::int64_t count = plan->channels;
  if (step == channels && count == channels) {
    return from.permute({0, 2, 3, 1});
  }
  const at::Tensor dense = new_images(from.size(2), from.size(3));
  const T* source = from.const_data_ptr<T>() + first_channel;
  T* target = dense.mutable_data_ptr<T>();
  at::parallel_for(
      0, dense.numel() / channels, pixels_a_task, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t pixel = begin; pixel < end; ++pixel) {
          T* const to = target + pixel * channels;
          std::fill(std::copy_n(source + pixel * step, count, to), to + channels, T(0));
        }
      });
  return dense;
}

template <class T, class S>
at::Tensor CellPass<T, S>::from_dense(std::span<const at::Tensor> parts) const {
  const std::int64_t count = plan->channels;
  const std::int64_t step = std::ssize(parts) * count;
  const at::Tensor& first = parts.front();
  at::Tensor out =
      at::empty({images, step, first.size(1), first.size(2)}, type, at::MemoryFormat::ChannelsLast);
  T* target = out.mutable_data_ptr<T>();
  at::parallel_for(
      0, first.numel() / channels, pixels_a_task, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = 0; i < std::ssize(parts); ++i) {
          const T* const source = parts[static_cast<std::size_t>(i)].template const_data_ptr<T>();
          for (std::int64_t pixel = begin; pixel < end; ++pixel) {
            std::copy_n(source + pixel * channels, count, target + pixel * step + i * count);
          }
        }
      });
  return out;
}

template <class T, class S>
double CellPass<T, S>::mixing_weight(const Edge& edge, const Operation& operation) const {
  return mixing_[static_cast<std::size_t>(edge.row * plan->columns + operation.column)];
}

template <class T, class S>
at::Tensor CellPass<T, S>::constant(double value) const {
  return at::full({channels}, value, type);
}

template <class T, class S>
at::Tensor CellPass<T, S>::of_doubles(const std::vector<double>& values) const {
  at::Tensor out = at::empty({static_cast<std::int64_t>(values.size())}, type);
  std::transform(values.begin(), values.end(), out.mutable_data_ptr<T>(),
                 [](double value) { return static_cast<T>(value); });
  return out;
}

template <class T, class S>
kernels::PoolShape CellPass<T, S>::pool_shape(const StatePass& from, std::size_t pool) const {
  const bool max = pool_kinds[pool] == OperationKind::max_pool;
  return {max ? kernels::Pool::max : kernels::Pool::average, from.height, from.width, channels,
          from.stride};
}

template <class T, class S>
bool CellPass<T, S>::make_pools(StatePass& from) const {
  bool made = false;
  for (PoolPass& pool : from.pools) {
    if (pool.exists && !pool.output.defined()) {
      pool.output = new_output();
      made = true;
    }
  }
  return made;
}

template <class T, class S>
void CellPass<T, S>::run_pools(const StatePass& from, std::int64_t n) const {
  for (std::size_t p = 0; p < from.pools.size(); ++p) {
    if (from.pools[p].exists) {
      kernels::pool_forward(pool_shape(from, p), image_of(from.value, n),
                            output_of(from.pools[p].output, n));
    }
  }
}

template <class T, class S>
kernels::Ahead CellPass<T, S>::ahead(const at::Tensor& of, std::int64_t n) const {
  if (n >= images) {
    return {};
  }
  const std::int64_t bytes = static_cast<std::int64_t>(of.nbytes()) / images;
  return {static_cast<const std::byte*>(of.const_data_ptr()) + n * bytes, bytes};
}

template <class T, class S>
void CellPass<T, S>::fill_normalised(const UnitPass& first, std::int64_t n,
                                     const kernels::PaddedImage<T>& to) const {
  kernels::fill_relu<T>(output_of(first.output, n),
                        first.statistics.scale.template const_data_ptr<T>(),
                        first.statistics.shift.template const_data_ptr<T>(), to);
}

template <class T, class S>
at::Tensor CellPass<T, S>::scaled(const Statistics& statistics, double factor) const {
  at::Tensor out = at::empty({channels}, type);
  std::transform(statistics.rstd.begin(), statistics.rstd.end(), out.mutable_data_ptr<T>(),
                 [factor](double rstd) { return static_cast<T>(factor * rstd); });
  return out;
}

template <class T, class S>
void CellPass<T, S>::blend(const Blend& blend, std::int64_t n, const T* masked, const T* mask,
                           T* out) const {
  std::vector<kernels::Term<T>> terms;
  std::vector<kernels::Term<T, S>> stored;
  for (const Blend::Summand& s : blend.summands) {
    const T* const scale = s.scale.defined() ? s.scale.const_data_ptr<T>() : nullptr;
    if (const kernels::Factor<T, S> image = factor_of(s.images, n); image.x != nullptr) {
      terms.push_back({image.x, scale});
    } else {
      stored.push_back({image.stored, scale});
    }
  }
  kernels::WeightedSum<T, S> sum;
  sum.pixels = blend.pixels;
  sum.channels = channels;
  sum.terms = terms;
  sum.stored = stored;
  sum.bias = blend.bias.defined() ? blend.bias.const_data_ptr<T>() : nullptr;
  sum.masked = masked;
  sum.mask = mask;
  sum.out = out;
  kernels::weighted_sum(sum);
}

template <class T, class S>
void CellPass<T, S>::release(std::int64_t from) {
  for (const Edge* edge : plan->leaving(from)) {
    for (const Operation& operation : edge->operations) {
      for (const std::size_t unit : operation.units) {
        units[unit].output.reset();
        units[unit].gradient.reset();
      }
    }
  }
  for (PoolPass& pool : state(from).pools) {
    pool.output.reset();
  }
  state(from).value.reset();
}

template <class T, class S>
void CellPass<T, S>::release_spare() {
  for (StatePass& from : states) {
    for (PoolPass& pool : from.pools) {
      pool.output.reset();
    }
  }
  states.back().value.reset();
}

template class CellPass<float, float>;
template class CellPass<float, kernels::BFloat16>;
template class CellPass<double, double>;

}  // namespace darts::fused
