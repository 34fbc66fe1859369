#include "dropout.hpp"

#include "processor.hpp"

namespace darts::fused::cpu {

/// (N, C, H, W), bool and channels last, as a state's values lie.
template <class T, class S>
at::Tensor CpuProcessor<T, S>::to_mask(const at::Tensor& kept) const {
  if (pass_.side_by_side == 1 && pass_.lanes == pass_.channels) {
    return kept.permute({0, 2, 3, 1}).contiguous();  // it lies so already
  }
  return to_state(kept.to(c10::CppTypeToScalarType<T>::value), 0).to(at::kBool);
}

template <class T, class S>
void CpuProcessor<T, S>::run_dropout(StatePass& from) {
  for (IdentityPass& identity : from.identities) {
    if (!identity.dropout || identity.images.defined()) {
      continue;
    }
    const at::Tensor& value = from.value;
    if (!identity.kept.defined()) {
      const at::Tensor kept = identity.dropout->draw(
          {pass_.images * pass_.side_by_side, pass_.plan->channels, value.size(1), value.size(2)},
          value.device());
      identity.kept = kept.defined() ? to_mask(kept) : at::Tensor();
    }
    if (identity.kept.defined()) {
      identity.images = dropped<T>(identity, value);
    }
  }
}

template void FloatProcessor::run_dropout(StatePass&);
template void BFloat16Processor::run_dropout(StatePass&);
template void DoubleProcessor::run_dropout(StatePass&);

}  // namespace darts::fused::cpu
