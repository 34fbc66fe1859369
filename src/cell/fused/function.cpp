#include "function.hpp"

#include "phase.hpp"
#include "run.hpp"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace darts::fused {
namespace {

/// The pass on its way from forward to backward through autograd's saved values.
struct KeptRun : torch::CustomClassHolder {
  explicit KeptRun(const std::shared_ptr<const CellPlan>& plan) : run(plan) {}
  CellRun run;
};

struct FusedCellFunction : torch::autograd::Function<FusedCellFunction> {
  using Context = torch::autograd::AutogradContext;

  static constexpr std::size_t first_weight = 3;  // among the inputs that have gradients

  static at::Tensor forward(Context* context, const std::shared_ptr<const CellPlan>& plan,
                            const PassOptions& options, const at::Tensor& s0, const at::Tensor& s1,
                            const at::Tensor& mixing, at::TensorList /*weights*/) {
    auto kept = c10::make_intrusive<KeptRun>(plan);
    at::Tensor out = kept->run.forward({s0, s1, mixing}, options);
    context->saved_data["run"] = c10::IValue::make_capsule(std::move(kept));
    context->saved_data["weights"] = static_cast<std::int64_t>(plan->weights.size());
    return out;
  }

  static torch::autograd::variable_list backward(Context* context,
                                                 const torch::autograd::variable_list& gradients) {
    TORCH_CHECK(!c10::GradMode::is_enabled(),
                "fused cell: second derivatives are for the plain execution");
    const auto capsule = context->saved_data["run"].toCapsule();
    CellRun& run = static_cast<KeptRun&>(*capsule).run;
    const auto count = static_cast<std::size_t>(context->saved_data["weights"].toInt());
    Wanted wanted;
    wanted.s0 = context->needs_input_grad(0);
    wanted.s1 = context->needs_input_grad(1);
    wanted.weights = false;
    for (std::size_t i = 0; i < count; ++i) {
      wanted.weights = wanted.weights || context->needs_input_grad(first_weight + i);
    }
    CellGradients result = run.backward(gradients[0], wanted);
    torch::autograd::variable_list out{{}, {}, result.s0, result.s1, result.mixing};
    result.weights.resize(count);
    std::move(result.weights.begin(), result.weights.end(), std::back_inserter(out));
    return out;
  }
};

/// Of the convolutions, for all images together.
std::int64_t multiply_adds(const CellPlan& plan, const at::Tensor& s1) {
  const std::int64_t step = plan.reduction ? 2 : 1;
  const std::int64_t pixels =
      s1.size(0) * ((s1.size(2) - 1) / step + 1) * ((s1.size(3) - 1) / step + 1);
  std::int64_t total = 0;
  for (const Unit& unit : plan.units) {
    total += pixels * plan.multiply_adds(unit);
  }
  return total;
}

/// The kernels take all sizes from s1.
void check_sizes(const CellInputs& inputs, const CellPlan& plan) {
  const at::Tensor& s0 = inputs.s0;
  const at::Tensor& s1 = inputs.s1;
  const std::int64_t channels = plan.partial * plan.channels;
  TORCH_CHECK(s1.dim() == 4 && s1.size(1) == channels && s0.sizes() == s1.sizes(),
              "fused cell: two inputs of one size with ", channels, " channels expected, got ",
              s0.sizes(), " and ", s1.sizes());
}

}  // namespace

bool needs_gradient(const CellInputs& inputs, const CellPlan& plan) {
  const auto wants = [](const at::Tensor& tensor) { return tensor.requires_grad(); };
  return c10::GradMode::is_enabled() &&
         (wants(inputs.s0) || wants(inputs.s1) || wants(inputs.mixing) ||
          std::any_of(plan.weights.begin(), plan.weights.end(), wants));
}

at::Tensor fused_cell(const std::shared_ptr<const CellPlan>& plan, const CellInputs& inputs,
                      const PassOptions& options) {
  check_sizes(inputs, *plan);
  return run_recorded(
      "darts::fused_cell", [&] { return multiply_adds(*plan, inputs.s1); },
      [&] {
        if (needs_gradient(inputs, *plan)) {
          return FusedCellFunction::apply(plan, options, inputs.s0, inputs.s1, inputs.mixing,
                                          at::TensorList(plan->weights));
        }
        PassOptions forward_only = options;
        forward_only.keep = false;
        return CellRun(plan).forward(inputs, forward_only);
      });
}

}  // namespace darts::fused
