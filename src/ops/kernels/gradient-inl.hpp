// The gradient that comes out of a batch norm, for one instruction set.

#if defined(DARTS_KERNELS_GRADIENT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_GRADIENT_INL
#undef DARTS_KERNELS_GRADIENT_INL
#else
#define DARTS_KERNELS_GRADIENT_INL
#endif

#include "separable.hpp"
#include "vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// to = a·g + b·z + c for `pixels` pixels from `first` on.
template <class T, class S>
HWY_INLINE void normalized_gradient(const NormalizedGradient<T, S>& n, std::int64_t first,
                                    std::int64_t pixels, std::int64_t channels, T* to) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < channels; c += lanes<T>()) {
    const auto a = hn::LoadU(d, n.a + c);
    const auto b = hn::LoadU(d, n.b + c);
    const auto offset = hn::LoadU(d, n.c + c);
    for (std::int64_t i = c; i < pixels * channels; i += channels) {
      const auto g = hn::LoadU(d, n.g + first * channels + i);
      const auto z = load_stored(n.z + first * channels + i);
      hn::StoreU(hn::MulAdd(a, g, hn::MulAdd(b, z, offset)), d, to + i);
    }
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
