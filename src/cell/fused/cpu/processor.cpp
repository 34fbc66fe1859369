#include "calls.hpp"

namespace darts::fused {
namespace {

/// The calls, on the CPU: through the batch in groups of images, one a thread at a time.
template <class T, class S = T>
class CpuProcessor : public Processor {
 public:
  CpuProcessor(std::shared_ptr<const CellPlan> plan, const CellInputs& inputs,
               const PassOptions& options)
      : pass_(std::move(plan), inputs, options) {}

  at::Tensor to_state(const at::Tensor& images, std::int64_t first_channel) const override {
    return cpu::to_state(pass_, images, first_channel);
  }
  at::Tensor to_images(Tensors states) const override { return cpu::to_images(pass_, states); }

  void run_first_units(StatePass& from) override { cpu::run_first_units(pass_, from); }
  void run_second_units(StatePass& from) override { cpu::run_second_units(pass_, from); }
  at::Tensor sum_node(std::span<const Summand> entering) override {
    return cpu::sum_node(pass_, entering);
  }

  void run_alpha_gradient(StatePass& from, Tensors gradients, const at::Tensor& mixing) override {
    cpu::run_alpha_gradient(pass_, from, gradients, mixing);
  }
  void run_second_units_backward(StatePass& from, Tensors gradients,
                                 std::vector<at::Tensor>* weights) override {
    cpu::run_second_units_backward(pass_, from, gradients, weights);
  }
  at::Tensor run_first_units_backward(const StatePass& from, Tensors gradients, bool state_wanted,
                                      std::vector<at::Tensor>* weights) override {
    return cpu::run_first_units_backward(pass_, from, gradients, state_wanted, weights);
  }

 private:
  cpu::CpuPass<T, S> pass_;
};

}  // namespace

std::unique_ptr<Processor> make_processor(std::shared_ptr<const CellPlan> plan,
                                          const CellInputs& inputs, const PassOptions& options) {
  const at::ScalarType type = inputs.s1.scalar_type();
  if (type == at::kDouble) {
    return std::make_unique<CpuProcessor<double>>(std::move(plan), inputs, options);
  }
  TORCH_CHECK(type == at::kFloat, "fused cell: float or double expected, got ", type);
  if (options.storage == Precision::bf16) {
    return std::make_unique<CpuProcessor<float, kernels::BFloat16>>(std::move(plan), inputs,
                                                                    options);
  }
  return std::make_unique<CpuProcessor<float>>(std::move(plan), inputs, options);
}

}  // namespace darts::fused
