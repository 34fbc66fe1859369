// What the kernels share for one instruction set: included by each of them, once a target.

#if defined(DARTS_KERNELS_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_VECTORS_INL
#undef DARTS_KERNELS_VECTORS_INL
#else
#define DARTS_KERNELS_VECTORS_INL
#endif

#include "ahead.hpp"
#include "bfloat16.hpp"

#include <hwy/highway.h>

#include <array>
#include <cstddef>
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

/// Goes through memory ahead in kPlaces places, a vector's worth of each at a time.
template <std::size_t kPlaces>
class Fetchers {
 public:
  template <class... Places>
  explicit Fetchers(const Places&... places)
      : places_{{{static_cast<const char*>(places.data), places.bytes}...}} {}

  template <class T>
  HWY_INLINE void next() {
    for (Place& place : places_) {
      if (place.left > 0) {
        __builtin_prefetch(place.at, /*write=*/0, /*locality=*/2);
        place.at += lanes<T>() * std::int64_t{sizeof(T)};
        place.left -= lanes<T>() * std::int64_t{sizeof(T)};
      }
    }
  }

 private:
  struct Place {
    const char* at;
    std::int64_t left;
  };
  std::array<Place, kPlaces> places_;
};
template <class... Places>
Fetchers(const Places&...) -> Fetchers<sizeof...(Places)>;

/// Makes room in the cache for what will be stored 4 KB after `to`.
template <class T>
HWY_INLINE void prepare_store(const T* to) {
  __builtin_prefetch(reinterpret_cast<const char*>(to) + 4096, /*write=*/1, /*locality=*/2);
}

/// v where it is above 0, else 0; NaN stays, where Max would do with it as the instruction set
/// likes.
template <class V>
HWY_INLINE V positive_part(V v) {
  return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(hn::DFromV<V>())), v);
}

/// What is stored at `from`, for arithmetic.
template <class T>
HWY_INLINE Vec<T> load_stored(const T* from) {
  return hn::LoadU(Tag<T>(), from);
}
HWY_INLINE Vec<float> load_stored(const BFloat16* from) {
  const Tag<float> d;
  const hn::Rebind<std::uint32_t, decltype(d)> wide;
  const hn::Rebind<std::uint16_t, decltype(d)> narrow;
  const auto bits = hn::LoadU(narrow, reinterpret_cast<const std::uint16_t*>(from));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(wide, bits)));
}

/// Stores v and returns what load_stored() will give: v itself or what rounding made of it.
template <class T>
HWY_INLINE Vec<T> store_rounded(Vec<T> v, T* to) {
  hn::StoreU(v, Tag<T>(), to);
  return v;
}
HWY_INLINE Vec<float> store_rounded(Vec<float> v, BFloat16* to) {
  const Tag<float> d;
  const hn::Rebind<std::uint32_t, decltype(d)> wide;
  const hn::Rebind<std::uint16_t, decltype(d)> narrow;
  const auto bits = hn::BitCast(wide, v);
  const auto even = hn::And(hn::ShiftRight<16>(bits), hn::Set(wide, 1));
  const auto nearest = hn::Add(bits, hn::Add(even, hn::Set(wide, 0x7FFF)));
  // The sum could make an infinity of a NaN, or a zero.
  const auto chosen = hn::IfThenElse(hn::IsNaN(v), hn::BitCast(d, hn::Set(wide, 0x7FC00000)),
                                     hn::BitCast(d, nearest));
  const auto upper = hn::ShiftRight<16>(hn::BitCast(wide, chosen));
  hn::StoreU(hn::TruncateTo(narrow, upper), narrow, reinterpret_cast<std::uint16_t*>(to));
  return hn::BitCast(d, hn::ShiftLeft<16>(upper));
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
