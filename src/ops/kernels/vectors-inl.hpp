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

/// Adds a vector of T to doubles in memory.
HWY_INLINE void add_to(double* to, Vec<double> v) {
  const Tag<double> d;
  hn::StoreU(hn::Add(hn::LoadU(d, to), v), d, to);
}
HWY_INLINE void add_to(double* to, Vec<float> v) {
  const Tag<float> d;
  alignas(64) float values[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v, d, values);
  for (std::int64_t i = 0; i < lanes<float>(); ++i) {
    to[i] += static_cast<double>(values[i]);
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
