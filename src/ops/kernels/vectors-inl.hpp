// What the kernels share for one instruction set: included by each of them, once a target.

#if defined(DARTS_KERNELS_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_VECTORS_INL
#undef DARTS_KERNELS_VECTORS_INL
#else
#define DARTS_KERNELS_VECTORS_INL
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

template <class T>
HWY_INLINE std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
}

/// Registers beyond the sixteen of older instruction sets allow larger tiles.
#if HWY_TARGET <= HWY_AVX3
constexpr bool many_registers = true;
#else
constexpr bool many_registers = false;
#endif

/// v where it is above 0, else 0; NaN stays, where Max would do with it as the instruction set
/// likes.
template <class V>
HWY_INLINE V positive_part(V v) {
  return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(hn::DFromV<V>())), v);
}

/// Adds a vector of T to doubles in memory.
HWY_INLINE void add_to(double* to, Vec<double> v) {
  const Tag<double> d;
  hn::StoreU(hn::Add(hn::LoadU(d, to), v), d, to);
}
HWY_INLINE void add_to(double* to, Vec<float> v) {
#if HWY_TARGET == HWY_SCALAR
  *to += static_cast<double>(hn::GetLane(v));
#else
  const Tag<float> d;
  const hn::Half<decltype(d)> half;
  const hn::Rebind<double, decltype(half)> wide;
  const auto low = hn::PromoteTo(wide, hn::LowerHalf(half, v));
  const auto high = hn::PromoteTo(wide, hn::UpperHalf(half, v));
  double* const second = to + lanes<float>() / 2;
  hn::StoreU(hn::Add(hn::LoadU(wide, to), low), wide, to);
  hn::StoreU(hn::Add(hn::LoadU(wide, second), high), wide, second);
#endif
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
