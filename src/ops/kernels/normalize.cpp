// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.

#include "normalize.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normalize.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "tails-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// Few enough pixels to stay in the first-level cache from one vector of channels to the next.
constexpr std::int64_t block = 32;

template <class T>
HWY_INLINE void normalize_block(const Normalize<T>& t, std::int64_t first, std::int64_t last) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < t.channels; c += lanes<T>()) {
    const std::int64_t count = t.channels - c;
    const auto scale = t.scale == nullptr ? hn::Set(d, T(1)) : hn::LoadU(d, t.scale + c);
    const auto shift = t.scale == nullptr ? hn::Zero(d) : hn::LoadU(d, t.shift + c);
    for (std::int64_t p = first; p < last; ++p) {
      const auto z = load_first(d, t.z.data + p * t.z.step + c, count);
      auto y = hn::MulAdd(z, scale, shift);
      if (t.addend.data != nullptr) {
        y = hn::Add(y, load_first(d, t.addend.data + p * t.addend.step + c, count));
      }
      store_first(y, d, t.y.data + p * t.y.step + c, count);
    }
  }
}

template <class T>
void normalize_image(const Normalize<T>& t) {
  for (std::int64_t first = 0; first < t.pixels; first += block) {
    normalize_block(t, first, std::min(first + block, t.pixels));
  }
}

template <class T>
HWY_INLINE void moments_block(const GradientMoments<T>& t, std::int64_t first, std::int64_t last) {
  const Tag<T> d;
  const auto weight = hn::Set(d, static_cast<T>(t.weight));
  for (std::int64_t c = 0; c < t.channels; c += lanes<T>()) {
    const std::int64_t count = t.channels - c;
    auto sum = hn::Zero(d);
    auto product = hn::Zero(d);
    for (std::int64_t p = first; p < last; ++p) {
      const auto g = load_first(d, t.g.data + p * t.g.step + c, count);
      sum = hn::Add(sum, g);
      product = hn::MulAdd(g, load_first(d, t.z.data + p * t.z.step + c, count), product);
    }
    add_first(d, hn::Mul(weight, sum), t.sums + c, count);
    add_first(d, hn::Mul(weight, product), t.products + c, count);
  }
}

template <class T>
void moments_image(const GradientMoments<T>& t) {
  for (std::int64_t first = 0; first < t.pixels; first += block) {
    moments_block(t, first, std::min(first + block, t.pixels));
  }
}

void NormalizeFloat(const Normalize<float>& t) { normalize_image(t); }
void NormalizeDouble(const Normalize<double>& t) { normalize_image(t); }
void MomentsFloat(const GradientMoments<float>& t) { moments_image(t); }
void MomentsDouble(const GradientMoments<double>& t) { moments_image(t); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(NormalizeFloat);
HWY_EXPORT(NormalizeDouble);
HWY_EXPORT(MomentsFloat);
HWY_EXPORT(MomentsDouble);

template <>
void normalize(const Normalize<float>& task) {
  HWY_DYNAMIC_DISPATCH(NormalizeFloat)(task);
}
template <>
void normalize(const Normalize<double>& task) {
  HWY_DYNAMIC_DISPATCH(NormalizeDouble)(task);
}
template <>
void gradient_moments(const GradientMoments<float>& task) {
  HWY_DYNAMIC_DISPATCH(MomentsFloat)(task);
}
template <>
void gradient_moments(const GradientMoments<double>& task) {
  HWY_DYNAMIC_DISPATCH(MomentsDouble)(task);
}

}  // namespace darts::kernels
#endif
