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
#include <type_traits>

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

/// Goes through memory ahead in kPlaces places, as much of each as is worked on meanwhile.
template <std::size_t kPlaces>
class Fetchers {
 public:
  template <class... Places>
  explicit Fetchers(const Places&... places)
      : places_{{{static_cast<const char*>(places.data), places.bytes}...}} {}

  /// The next `count` vectors of T of each place.
  template <class T>
  HWY_INLINE void next(int count = 1) {
    constexpr std::int64_t line = 64;
    const std::int64_t bytes = count * lanes<T>() * std::int64_t{sizeof(T)};
    for (Place& place : places_) {
      if (place.left > 0) {
        for (std::int64_t i = 0; i < bytes; i += line) {
          __builtin_prefetch(place.at + i, /*write=*/0, /*locality=*/2);
        }
        place.at += bytes;
        place.left -= bytes;
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

/// Floats as bfloat16, rounded to the nearest, and back.
template <class D>
using BFloat16Bits = hn::Rebind<std::uint16_t, D>;
template <class D>
HWY_INLINE hn::Vec<BFloat16Bits<D>> to_bfloat16(D d, hn::Vec<D> v) {
  const hn::Rebind<std::uint32_t, D> wide;
  const auto bits = hn::BitCast(wide, v);
  const auto even = hn::And(hn::ShiftRight<16>(bits), hn::Set(wide, 1));
  const auto nearest = hn::Add(bits, hn::Add(even, hn::Set(wide, 0x7FFF)));
  // The sum could make an infinity of a NaN, or a zero.
  const auto chosen = hn::IfThenElse(hn::IsNaN(v), hn::BitCast(d, hn::Set(wide, 0x7FC00000)),
                                     hn::BitCast(d, nearest));
  return hn::TruncateTo(BFloat16Bits<D>(), hn::ShiftRight<16>(hn::BitCast(wide, chosen)));
}
template <class D>
HWY_INLINE hn::Vec<D> from_bfloat16(D d, hn::Vec<BFloat16Bits<D>> v) {
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(hn::Rebind<std::uint32_t, D>(), v)));
}
HWY_INLINE std::uint16_t* bits_of(BFloat16* p) { return reinterpret_cast<std::uint16_t*>(p); }
HWY_INLINE const std::uint16_t* bits_of(const BFloat16* p) {
  return reinterpret_cast<const std::uint16_t*>(p);
}

/// What is stored at `from`, for arithmetic.
template <class T>
HWY_INLINE Vec<T> load_stored(const T* from) {
  return hn::LoadU(Tag<T>(), from);
}
HWY_INLINE Vec<float> load_stored(const BFloat16* from) {
  const Tag<float> d;
  return from_bfloat16(d, hn::LoadU(BFloat16Bits<Tag<float>>(), bits_of(from)));
}

/// Stores v and returns what load_stored() will give: v itself or what rounding made of it.
template <class T>
HWY_INLINE Vec<T> store_rounded(Vec<T> v, T* to) {
  hn::StoreU(v, Tag<T>(), to);
  return v;
}
HWY_INLINE Vec<float> store_rounded(Vec<float> v, BFloat16* to) {
  const Tag<float> d;
  const auto bits = to_bfloat16(d, v);
  hn::StoreU(bits, BFloat16Bits<Tag<float>>(), bits_of(to));
  return from_bfloat16(d, bits);
}

/// Adds a vector to doubles in memory.
template <class D>
HWY_INLINE void add_to(D d, hn::Vec<D> v, double* to) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    hn::StoreU(hn::Add(hn::LoadU(d, to), v), d, to);
  } else {
#if HWY_TARGET == HWY_SCALAR
    *to += static_cast<double>(hn::GetLane(v));
#else
    const hn::Half<D> half;
    const hn::Rebind<double, hn::Half<D>> wide;
    const auto low = hn::PromoteTo(wide, hn::LowerHalf(half, v));
    const auto high = hn::PromoteTo(wide, hn::UpperHalf(half, v));
    double* const second = to + hn::Lanes(half);
    hn::StoreU(hn::Add(hn::LoadU(wide, to), low), wide, to);
    hn::StoreU(hn::Add(hn::LoadU(wide, second), high), wide, second);
#endif
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
