#pragma once

#include <cstdint>

namespace darts::kernels {

/// The upper half of a float32's bits: a type that tensors are stored in, S in the kernels'
/// templates, while all arithmetic is in T. Storing rounds to nearest, to even; NaN stays.
struct BFloat16 {
  std::uint16_t bits;
};

}  // namespace darts::kernels
