#pragma once

#include "fused/processor.hpp"
#include "pass.hpp"

namespace darts::fused::cpu {

/// The calls, on the CPU: through the batch in groups of images, one a thread at a time.
template <class T, class S = T>
class CpuProcessor : public Processor {
 public:
  CpuProcessor(std::shared_ptr<const CellPlan> plan, const CellInputs& inputs,
               const PassOptions& options)
      : pass_(std::move(plan), inputs, options) {}

  // layout.cpp
  at::Tensor to_state(const at::Tensor& images, std::int64_t first_channel) const override;
  at::Tensor to_images(Tensors states) const override;
  // dropout.cpp
  void run_dropout(StatePass& from) override;
  // units_forward.cpp
  void run_first_units(StatePass& from) override;
  void run_second_units(StatePass& from) override;
  // blends.cpp
  at::Tensor sum_node(std::span<const Summand> entering) override;
  // alpha_gradient.cpp
  void run_alpha_gradient(StatePass& from, Tensors gradients, const at::Tensor& mixing) override;
  // units_backward.cpp
  void run_second_units_backward(StatePass& from, Tensors gradients,
                                 std::vector<at::Tensor>* weights) override;
  at::Tensor run_first_units_backward(const StatePass& from, Tensors gradients, bool state_wanted,
                                      std::vector<at::Tensor>* weights) override;

 private:
  at::Tensor to_mask(const at::Tensor& kept) const;
  void subtract_mean(const Summand& summand, std::vector<double>& shift) const;

  CpuPass<T, S> pass_;
};

using FloatProcessor = CpuProcessor<float>;
using BFloat16Processor = CpuProcessor<float, kernels::BFloat16>;
using DoubleProcessor = CpuProcessor<double>;

}  // namespace darts::fused::cpu
