#include <darts/ops/drop_path.hpp>
#include <darts/ops/run_module.hpp>

namespace darts {

at::Tensor run_module(torch::nn::AnyModule& module, const at::Tensor& x, Execution execution,
                      const NormBlockOutput& output) {
  const auto* const block = dynamic_cast<const NormBlock*>(module.ptr().get());
  if (block != nullptr && execution == Execution::fused) {
    if (const auto fused = run_fused(*block, x, output)) {
      return *fused;
    }
  }
  auto y = module.forward<at::Tensor>(x);
  if (output.drop_path.defined()) {
    y = drop_images(y, output.drop_path);
  }
  return output.addend.defined() ? output.addend + y : y;
}

}  // namespace darts
