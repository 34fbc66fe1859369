#pragma once

#include "batch/groups.hpp"
#include "kernels/blend.hpp"
#include "pass.hpp"
#include "phase.hpp"

#include <ATen/ops/empty.h>

#include <type_traits>

// How the processor's tensors lie in memory: N×H×W×channels.

namespace darts::fused::cpu {

/// Uninitialised, to hold values of S.
template <class S>
at::Tensor new_tensor(at::IntArrayRef sizes,
                      at::MemoryFormat format = at::MemoryFormat::Contiguous) {
  if constexpr (std::is_same_v<S, kernels::BFloat16>) {
    return at::empty(sizes, at::kBFloat16, format);
  } else {
    return at::empty(sizes, c10::CppTypeToScalarType<S>::value, format);
  }
}
/// … of a node's size.
template <class V, class T, class S>
at::Tensor new_node(const CpuPass<T, S>& pass) {
  return new_tensor<V>({pass.images, pass.node_height, pass.node_width, pass.channels});
}

/// Image n of a tensor that holds values of S.
template <class S>
S* image_of(const at::Tensor& of, std::int64_t n) {
  return static_cast<S*>(of.mutable_data_ptr()) + n * of.stride(0);
}

/// Image n of a tensor of either type, in the member of a kernel's operand for it; undefined: in
/// neither.
template <class T, class S>
kernels::Factor<T, S> factor_of(const at::Tensor& of, std::int64_t n) {
  if (!of.defined()) {
    return {};
  }
  if (of.element_size() == sizeof(T)) {  // also where both types are the same
    return {image_of<T>(of, n), nullptr};
  }
  return {nullptr, image_of<S>(of, n)};
}

/// Image n of a tensor as what a kernel reads next; nothing beyond the last.
inline kernels::Ahead ahead(const at::Tensor& of, std::int64_t n) {
  if (n >= of.size(0)) {
    return {};
  }
  const std::int64_t bytes = bytes_of({of}) / of.size(0);
  return {static_cast<const std::byte*>(of.const_data_ptr()) + n * bytes, bytes};
}

}  // namespace darts::fused::cpu
