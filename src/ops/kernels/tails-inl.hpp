// Vectors whose last ones reach beyond the channels of a pixel, for one instruction set.

#if defined(DARTS_KERNELS_TAILS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_TAILS_INL
#undef DARTS_KERNELS_TAILS_INL
#else
#define DARTS_KERNELS_TAILS_INL
#endif

#include "vectors-inl.hpp"

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

template <class D>
HWY_INLINE std::int64_t lanes_of(D d) {
  return static_cast<std::int64_t>(hn::Lanes(d));
}

template <class T>
HWY_INLINE std::int64_t whole_vectors(std::int64_t channels) {
  return (channels + lanes<T>() - 1) / lanes<T>() * lanes<T>();
}

/// The first `count` elements, zeros behind; the memory behind is not touched.
template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, const hn::TFromD<D>* from, std::int64_t count) {
  if (count >= lanes_of(d)) {
    return hn::LoadU(d, from);
  }
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, from);
#else
  alignas(64) hn::TFromD<D> values[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)] = {};
  std::copy_n(from, count, values);
  return hn::Load(d, values);
#endif
}

template <class D>
HWY_INLINE void store_first(hn::Vec<D> v, D d, hn::TFromD<D>* to, std::int64_t count) {
  if (count >= lanes_of(d)) {
    hn::StoreU(v, d, to);
    return;
  }
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, to);
#else
  alignas(64) hn::TFromD<D> values[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(v, d, values);
  std::copy_n(values, count, to);
#endif
}

/// store_rounded() of the first `count` elements.
template <class D>
HWY_INLINE hn::Vec<D> store_rounded_first(hn::Vec<D> v, D d, hn::TFromD<D>* to,
                                          std::int64_t count) {
  store_first(v, d, to, count);
  return v;
}
template <class D>
HWY_INLINE hn::Vec<D> store_rounded_first(hn::Vec<D> v, D d, BFloat16* to, std::int64_t count) {
  const auto bits = to_bfloat16(d, v);
  store_first(bits, BFloat16Bits<D>(), bits_of(to), count);
  return from_bfloat16(d, bits);
}

/// Adds the first `count` elements to doubles in memory.
template <class D>
HWY_INLINE void add_first(D d, hn::Vec<D> v, double* to, std::int64_t count) {
  if (count >= lanes_of(d)) {
    add_to(d, v, to);
    return;
  }
  alignas(64) hn::TFromD<D> values[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(v, d, values);
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] += static_cast<double>(values[i]);
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
