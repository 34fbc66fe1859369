#include "processor.hpp"

namespace darts::fused {

std::unique_ptr<Processor> make_processor(std::shared_ptr<const CellPlan> plan,
                                          const CellInputs& inputs, const PassOptions& options) {
  const at::ScalarType type = inputs.s1.scalar_type();
  if (type == at::kDouble) {
    return std::make_unique<cpu::DoubleProcessor>(std::move(plan), inputs, options);
  }
  TORCH_CHECK(type == at::kFloat, "fused cell: float or double expected, got ", type);
  if (options.storage == Precision::bf16) {
    return std::make_unique<cpu::BFloat16Processor>(std::move(plan), inputs, options);
  }
  return std::make_unique<cpu::FloatProcessor>(std::move(plan), inputs, options);
}

}  // namespace darts::fused
