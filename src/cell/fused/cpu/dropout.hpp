#pragma once

#include "images.hpp"

namespace darts::fused::cpu {

/// The values of a state, or of the gradient of the node that it enters, that pass a skip
/// connection, divided by 1 − p.
template <class T>
at::Tensor dropped(const IdentityPass& identity, const at::Tensor& values) {
  if (!identity.kept.defined()) {
    return values;
  }
  constexpr std::int64_t grain = 16384;
  at::Tensor out = new_tensor<T>(values.sizes());
  const auto scale = static_cast<T>(1.0 / (1.0 - identity.dropout->probability()));
  const bool* const kept = identity.kept.const_data_ptr<bool>();
  const T* const from = values.const_data_ptr<T>();
  T* const to = out.mutable_data_ptr<T>();
  batch::in_parallel(out.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      to[i] = kept[i] ? scale * from[i] : T(0);
    }
  });
  return out;
}

}  // namespace darts::fused::cpu
