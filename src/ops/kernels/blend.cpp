// Compiled once for every instruction set that Highway knows. What is summed comes from memory, so
// that a block of the result is kept in the first-level cache while the summands stream by.

#include "blend.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/blend.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "vectors-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// Pixels that are worked on at a time: a block of one tensor fits into the first-level cache.
HWY_INLINE std::int64_t block_pixels(std::int64_t channels, std::int64_t bytes) {
  constexpr std::int64_t budget = 16384;
  return std::max<std::int64_t>(budget / (channels * bytes), 1);
}

template <class T, class S>
HWY_INLINE Vec<T> scale_of(const Term<T, S>& term, std::int64_t c) {
  const Tag<T> d;
  return term.scale == nullptr ? hn::Set(d, T(1)) : hn::LoadU(d, term.scale + c);
}

/// What a sum begins with: bias and masked gradient.
template <class T, class S>
HWY_INLINE void begin_sum(const WeightedSum<T, S>& s, std::int64_t first, std::int64_t pixels) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
    const auto bias = s.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, s.bias + c);
    const std::int64_t end = (first + pixels) * s.channels;
    for (std::int64_t i = first * s.channels + c; i < end; i += s.channels) {
      auto v = bias;
      if (s.mask != nullptr) {
        const auto open = hn::Gt(hn::LoadU(d, s.mask + i), hn::Zero(d));
        v = hn::Add(v, hn::IfThenElseZero(open, hn::LoadU(d, s.masked + i)));
      }
      hn::StoreU(v, d, s.out + i);
    }
  }
}

/// Adds kTerms terms to `out`, a block of pixels from `first` on of theirs.
template <int kTerms, class T, class S>
HWY_INLINE void add_some(const Term<T, S>* terms, std::int64_t first, std::int64_t pixels,
                         std::int64_t channels, T* out) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < channels; c += lanes<T>()) {
    Vec<T> scale[kTerms];
#pragma GCC unroll 4
    for (int t = 0; t < kTerms; ++t) {
      scale[t] = scale_of(terms[t], c);
    }
    const std::int64_t end = (first + pixels) * channels;
    for (std::int64_t i = first * channels + c; i < end; i += channels) {
      auto v = hn::LoadU(d, out + i);
#pragma GCC unroll 4
      for (int t = 0; t < kTerms; ++t) {
        v = hn::MulAdd(load_stored(terms[t].x + i), scale[t], v);
      }
      hn::StoreU(v, d, out + i);
    }
  }
}

template <class T, class S>
HWY_INLINE void add_terms(std::span<const Term<T, S>> terms, std::int64_t first,
                          std::int64_t pixels, std::int64_t channels, T* out) {
  std::size_t t = 0;
  for (; t + 4 <= terms.size(); t += 4) {
    add_some<4>(terms.data() + t, first, pixels, channels, out);
  }
  for (; t < terms.size(); ++t) {
    add_some<1>(terms.data() + t, first, pixels, channels, out);
  }
}

template <class T, class S>
void sum_image(const WeightedSum<T, S>& s) {
  const std::int64_t block = block_pixels(s.channels, sizeof(T));
  for (std::int64_t first = 0; first < s.pixels; first += block) {
    const std::int64_t pixels = std::min(block, s.pixels - first);
    begin_sum(s, first, pixels);
    add_terms(s.terms, first, pixels, s.channels, s.out);
    add_terms(s.stored, first, pixels, s.channels, s.out);
  }
}

/// Σ g · factor over elements c, c + channels, …, in [begin, end).
template <class T, class S>
HWY_INLINE Vec<T> product_sum(const T* g, const S* factor, std::int64_t begin, std::int64_t end,
                              std::int64_t channels) {
  const Tag<T> d;
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  std::int64_t i = begin;
  for (; i + channels < end; i += 2 * channels) {
    const std::int64_t next = i + channels;
    even = hn::MulAdd(hn::LoadU(d, g + i), load_stored(factor + i), even);
    odd = hn::MulAdd(hn::LoadU(d, g + next), load_stored(factor + next), odd);
  }
  if (i < end) {
    even = hn::MulAdd(hn::LoadU(d, g + i), load_stored(factor + i), even);
  }
  return hn::Add(even, odd);
}

template <class T>
HWY_INLINE Vec<T> plain_sum(const T* g, std::int64_t begin, std::int64_t end,
                            std::int64_t channels) {
  const Tag<T> d;
  auto sum = hn::Zero(d);
  for (std::int64_t i = begin; i < end; i += channels) {
    sum = hn::Add(sum, hn::LoadU(d, g + i));
  }
  return sum;
}

template <class T, class S>
HWY_INLINE Vec<T> sum_with(const T* g, const Factor<T, S>& factor, std::int64_t begin,
                           std::int64_t end, std::int64_t channels) {
  if (factor.stored != nullptr) {
    return product_sum(g, factor.stored, begin, end, channels);
  }
  return factor.x == nullptr ? plain_sum(g, begin, end, channels)
                             : product_sum(g, factor.x, begin, end, channels);
}

template <class T, class S>
void products_image(const ChannelProducts<T, S>& p) {
  const std::int64_t block = block_pixels(p.channels, sizeof(T));
  for (std::int64_t first = 0; first < p.pixels; first += block) {
    const std::int64_t end = std::min(first + block, p.pixels) * p.channels;
    double* sums = p.sums;
    for (const Factor<T, S>& factor : p.factors) {
      for (std::int64_t c = 0; c < p.channels; c += lanes<T>()) {
        add_to(Tag<T>(), sum_with(p.g, factor, first * p.channels + c, end, p.channels), sums + c);
      }
      sums += p.channels;
    }
  }
}

template <class T, class S>
void moments_image(const S* x, std::int64_t pixels, std::int64_t channels, double* sums) {
  const Tag<T> d;
  const std::int64_t block = block_pixels(channels, sizeof(T));
  for (std::int64_t first = 0; first < pixels; first += block) {
    const std::int64_t end = std::min(first + block, pixels) * channels;
    for (std::int64_t c = 0; c < channels; c += lanes<T>()) {
      auto sum = hn::Zero(d);
      auto square = hn::Zero(d);
      for (std::int64_t i = first * channels + c; i < end; i += channels) {
        const auto v = load_stored(x + i);
        sum = hn::Add(sum, v);
        square = hn::MulAdd(v, v, square);
      }
      add_to(d, sum, sums + c);
      add_to(d, square, sums + channels + c);
    }
  }
}

void SumFloat(const WeightedSum<float>& task) { sum_image(task); }
void SumDouble(const WeightedSum<double>& task) { sum_image(task); }
void SumBFloat16(const WeightedSum<float, BFloat16>& task) { sum_image(task); }
void ProductsFloat(const ChannelProducts<float>& task) { products_image(task); }
void ProductsDouble(const ChannelProducts<double>& task) { products_image(task); }
void ProductsBFloat16(const ChannelProducts<float, BFloat16>& task) { products_image(task); }
void MomentsFloat(const float* x, std::int64_t pixels, std::int64_t channels, double* sums) {
  moments_image<float>(x, pixels, channels, sums);
}
void MomentsDouble(const double* x, std::int64_t pixels, std::int64_t channels, double* sums) {
  moments_image<double>(x, pixels, channels, sums);
}
void MomentsBFloat16(const BFloat16* x, std::int64_t pixels, std::int64_t channels, double* sums) {
  moments_image<float>(x, pixels, channels, sums);
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(SumFloat);
HWY_EXPORT(SumDouble);
HWY_EXPORT(SumBFloat16);
HWY_EXPORT(ProductsFloat);
HWY_EXPORT(ProductsDouble);
HWY_EXPORT(ProductsBFloat16);
HWY_EXPORT(MomentsFloat);
HWY_EXPORT(MomentsDouble);
HWY_EXPORT(MomentsBFloat16);

template <>
void weighted_sum(const WeightedSum<float>& task) {
  HWY_DYNAMIC_DISPATCH(SumFloat)(task);
}
template <>
void weighted_sum(const WeightedSum<double>& task) {
  HWY_DYNAMIC_DISPATCH(SumDouble)(task);
}
template <>
void weighted_sum(const WeightedSum<float, BFloat16>& task) {
  HWY_DYNAMIC_DISPATCH(SumBFloat16)(task);
}

template <>
void channel_products(const ChannelProducts<float>& task) {
  HWY_DYNAMIC_DISPATCH(ProductsFloat)(task);
}
template <>
void channel_products(const ChannelProducts<double>& task) {
  HWY_DYNAMIC_DISPATCH(ProductsDouble)(task);
}
template <>
void channel_products(const ChannelProducts<float, BFloat16>& task) {
  HWY_DYNAMIC_DISPATCH(ProductsBFloat16)(task);
}

template <>
void channel_moments(const float* x, std::int64_t pixels, std::int64_t channels, double* sums) {
  HWY_DYNAMIC_DISPATCH(MomentsFloat)(x, pixels, channels, sums);
}
template <>
void channel_moments(const double* x, std::int64_t pixels, std::int64_t channels, double* sums) {
  HWY_DYNAMIC_DISPATCH(MomentsDouble)(x, pixels, channels, sums);
}
template <>
void channel_moments(const BFloat16* x, std::int64_t pixels, std::int64_t channels, double* sums) {
  HWY_DYNAMIC_DISPATCH(MomentsBFloat16)(x, pixels, channels, sums);
}

}  // namespace darts::kernels
#endif
