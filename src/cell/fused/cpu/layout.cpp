#include "images.hpp"
#include "processor.hpp"

namespace darts::fused::cpu {
namespace {

/// Pixels in memory and the elements from one to the next.
template <class T>
struct PixelRow {
  T* data;
  std::int64_t step;
};

/// The first `count` values of every pixel, and behind them zeros up to `whole`.
template <class T>
void copy_channels(PixelRow<const T> from, PixelRow<T> to, std::int64_t pixels, std::int64_t count,
                   std::int64_t whole) {
  constexpr std::int64_t pixels_a_task = 4096;
  batch::in_parallel(pixels, pixels_a_task, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      T* const target = to.data + pixel * to.step;
      std::fill(std::copy_n(from.data + pixel * from.step, count, target), target + whole, T(0));
    }
  });
}

/// Images side by side, N × C × H × W: image p of `count` in the lanes p, count + p, …
at::Tensor beside_each_other(const at::Tensor& images, std::int64_t count) {
  return images.unflatten(0, {-1, count}).transpose(1, 2).flatten(1, 2);
}

/// The reverse.
at::Tensor after_each_other(const at::Tensor& images, std::int64_t count) {
  return images.unflatten(1, {-1, count}).transpose(1, 2).flatten(0, 1);
}

}  // namespace

template <class T, class S>
at::Tensor CpuProcessor<T, S>::to_state(const at::Tensor& images,
                                        std::int64_t first_channel) const {
  const std::int64_t wanted = pass_.plan->channels;
  at::Tensor from = images.detach();
  if (pass_.side_by_side > 1) {
    from = beside_each_other(from.narrow(1, first_channel, wanted), pass_.side_by_side);
    first_channel = 0;
  }
  from = from.contiguous(at::MemoryFormat::ChannelsLast);
  const std::int64_t step = from.size(1);
  if (step == pass_.channels && pass_.lanes == pass_.channels) {
    return from.permute({0, 2, 3, 1});
  }
  at::Tensor state = new_tensor<T>({pass_.images, from.size(2), from.size(3), pass_.channels});
  copy_channels<T>({from.const_data_ptr<T>() + first_channel, step},
                   {state.mutable_data_ptr<T>(), pass_.channels}, state.numel() / pass_.channels,
                   pass_.lanes, pass_.channels);
  return state;
}

template <class T, class S>
at::Tensor CpuProcessor<T, S>::to_images(Tensors states) const {
  const std::int64_t count = pass_.lanes;
  const std::int64_t step = std::ssize(states) * count;
  const at::Tensor& first = states.front();
  at::Tensor out = new_tensor<T>({pass_.images, step, first.size(1), first.size(2)},
                                 at::MemoryFormat::ChannelsLast);
  T* target = out.mutable_data_ptr<T>();
  for (const at::Tensor& state : states) {
    copy_channels<T>({state.const_data_ptr<T>(), pass_.channels}, {target, step},
                     state.numel() / pass_.channels, count, count);
    target += count;
  }
  return pass_.side_by_side > 1 ? after_each_other(out, pass_.side_by_side) : out;
}

template at::Tensor FloatProcessor::to_state(const at::Tensor&, std::int64_t) const;
template at::Tensor BFloat16Processor::to_state(const at::Tensor&, std::int64_t) const;
template at::Tensor DoubleProcessor::to_state(const at::Tensor&, std::int64_t) const;
template at::Tensor FloatProcessor::to_images(Tensors) const;
template at::Tensor BFloat16Processor::to_images(Tensors) const;
template at::Tensor DoubleProcessor::to_images(Tensors) const;

}  // namespace darts::fused::cpu
