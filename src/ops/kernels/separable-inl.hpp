// The parts of a separable convolution's passes for one instruction set, on padded images of whole
// vectors of channels.

#if defined(DARTS_KERNELS_SEPARABLE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_SEPARABLE_INL
#undef DARTS_KERNELS_SEPARABLE_INL
#else
#define DARTS_KERNELS_SEPARABLE_INL
#endif

#include "depthwise-inl.hpp"
#include "separable.hpp"

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

// What does not depend on how results are stored is not inlined, so that it is compiled once.

/// The depthwise results of `count` rows from `first` on.
template <class T>
HWY_NOINLINE void depthwise_rows(const SeparableShape& s, const PaddedImage<T>& input,
                                 const T* weights, std::int64_t first, std::int64_t count, T* to) {
  DepthwiseRow<T> r;
  r.row_step = s.dilation * input.row_size();
  r.pixel_size = s.in_channels;
  r.weights = weights;
  r.weight_step = s.in_channels;
  r.pixels = s.out_width;
  for (std::int64_t row = first; row < first + count; ++row, to += s.out_width * s.in_channels) {
    r.input = input.pixel(row * s.stride - s.padding(), -s.padding());
    depthwise_row(s, r, StoreRow<T>{to, s.in_channels});
  }
}

/// Adds what `count` rows from `first` on give to the gradient of the depthwise weights;
/// `gradient`: of the depthwise result.
template <class T>
HWY_NOINLINE void add_depthwise_weights(const SeparableShape& s, const PaddedImage<T>& input,
                                        const PaddedImage<T>& gradient, std::int64_t first,
                                        std::int64_t count, T* sums) {
  DepthwiseWeights<T> w;
  w.input = input.pixel(first * s.stride - s.padding(), -s.padding());
  w.row_step = s.dilation * input.row_size();
  w.next_row = s.stride * input.row_size();
  w.gradient = gradient.pixel(first, 0);
  w.next_gradient_row = gradient.row_size();
  w.channels = s.in_channels;
  w.pixels = s.out_width;
  w.rows = count;
  w.sums = sums;
  depthwise_weights(s, w);
}

/// Gives the gradient of the input's row y to `sink`, from the padded gradient of the depthwise
/// result. `row`: `width` pixels of memory for stride 2, which may be where the sink stores.
template <class T, class Sink>
HWY_INLINE void transposed_row(const SeparableShape& s, const PaddedImage<T>& gradient,
                               const T* depthwise, std::int64_t y, std::int64_t width, T* row,
                               const Sink& sink) {
  if (s.stride == 1) {
    DepthwiseRow<T> r;
    r.input = gradient.pixel(y - s.padding(), -s.padding());
    r.row_step = s.dilation * gradient.row_size();
    r.pixel_size = s.in_channels;
    r.weights = depthwise + (s.kernel * s.kernel - 1) * s.in_channels;  // the kernel turned around
    r.weight_step = -s.in_channels;
    r.pixels = width;
    depthwise_row(s, r, sink);
    return;
  }
  std::fill_n(row, width * s.in_channels, T(0));
  add_transposed_row(s, gradient, depthwise, y, width, row);
  for (std::int64_t c = 0; c < s.in_channels; c += lanes<T>()) {
    auto sums = sink.begin();
    for (std::int64_t pixel = 0; pixel < width; ++pixel) {
      sink(hn::LoadU(Tag<T>(), row + pixel * s.in_channels + c), pixel, c, sums);
      sink.after(1);
    }
    sink.end(sums, c);
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
