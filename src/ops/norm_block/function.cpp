#include "pass.hpp"
#include "phase.hpp"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numeric>

namespace darts {
namespace norm_block {
namespace {

/// Of each unit: depthwise, pointwise, scale, shift, as NormBlockGradients has them, but for those
/// that it does not have.
std::vector<at::Tensor> weights_of(const std::vector<NormUnit>& units) {
  std::vector<at::Tensor> weights;
  for (const NormUnit& unit : units) {
    if (unit.depthwise.defined()) {
      weights.push_back(unit.depthwise);
    }
    weights.insert(weights.end(), unit.pointwise.begin(), unit.pointwise.end());
    if (unit.norm->weight.defined()) {
      weights.push_back(unit.norm->weight);
      weights.push_back(unit.norm->bias);
    }
  }
  return weights;
}

/// The pass on its way from forward to backward, without the tensors that autograd keeps.
struct KeptPass : torch::CustomClassHolder {
  NormBlockPass pass;
};

struct NormBlockFunction : torch::autograd::Function<NormBlockFunction> {
  using Context = torch::autograd::AutogradContext;
  using Tensors = torch::autograd::variable_list;

  /// inputs: x, the weights, and the addend if there is one.
  static at::Tensor forward(Context* context, const NormBlockPass& pass,
                            at::TensorList /*inputs*/) {
    auto kept = c10::make_intrusive<KeptPass>();
    kept->pass = pass;
    at::Tensor y = train_forward(kept->pass);
    Tensors saved{pass.x};
    saved.insert(saved.end(), kept->pass.z.begin(), kept->pass.z.end());
    const std::vector<at::Tensor> weights = weights_of(pass.units);
    saved.insert(saved.end(), weights.begin(), weights.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["adds"] = pass.output.addend.defined();
    kept->pass.x.reset();
    kept->pass.z.clear();
    kept->pass.output.addend.reset();
    context->saved_data["pass"] = c10::IValue::make_capsule(std::move(kept));
    return y;
  }

  static Tensors backward(Context* context, const Tensors& gradients) {
    TORCH_CHECK(!c10::GradMode::is_enabled(),
                "fused operation: second derivatives are for the plain execution");
    const auto capsule = context->saved_data["pass"].toCapsule();
    NormBlockPass pass = static_cast<KeptPass&>(*capsule).pass;
    const Tensors saved = context->get_saved_variables();  // looks whether they have been changed
    const auto units = static_cast<std::ptrdiff_t>(pass.units.size());
    pass.x = saved.front();
    pass.z.assign(saved.begin() + 1, saved.begin() + 1 + units);
    const std::size_t weights = saved.size() - 1 - pass.units.size();
    NormBlockWanted wanted{context->needs_input_grad(0), false};
    for (std::size_t i = 0; i < weights; ++i) {
      wanted.weights = wanted.weights || context->needs_input_grad(1 + i);
    }
    NormBlockGradients result = train_backward(pass, gradients[0], wanted);
    result.weights.resize(weights);
    Tensors out{{}, result.x};
    out.insert(out.end(), result.weights.begin(), result.weights.end());
    if (context->saved_data["adds"].toBool()) {
      out.push_back(gradients[0]);
    }
    return out;
  }
};

bool needs_gradient(const std::vector<at::Tensor>& inputs) {
  return c10::GradMode::is_enabled() &&
         std::any_of(inputs.begin(), inputs.end(),
                     [](const at::Tensor& tensor) { return tensor.requires_grad(); });
}

std::int64_t multiply_adds(const NormBlockPass& pass) {
  const std::vector<UnitGeometry> geometries = geometries_of(pass.units, pass.x);
  return std::accumulate(geometries.begin(), geometries.end(), std::int64_t{0},
                         [&](std::int64_t sum, const UnitGeometry& geometry) {
                           return sum + pass.x.size(0) * geometry.multiply_adds();
                         });
}

at::Tensor run(const NormBlockPass& pass, const std::vector<at::Tensor>& inputs, bool training) {
  return run_recorded(
      "darts::fused_operation", [&] { return multiply_adds(pass); },
      [&] {
        if (!training) {
          return test_forward(pass);
        }
        if (needs_gradient(inputs)) {
          return NormBlockFunction::apply(pass, at::TensorList(inputs));
        }
        NormBlockPass unkept = pass;
        return train_forward(unkept);
      });
}

}  // namespace

bool has_kernels(const std::vector<NormUnit>& units, at::ScalarType type) {
  return !units.empty() && (type == at::kFloat || type == at::kDouble) &&
         std::all_of(units.begin(), units.end(), [&](const NormUnit& unit) {
           return has_kernels(unit) && unit.pointwise.front().scalar_type() == type;
         });
}

bool fits(const NormBlockPass& pass) {
  const at::Tensor& x = pass.x;
  const std::int64_t window = pass.units.empty() ? 1 : pass.units.front().window;
  if (!x.is_cpu() || at::autocast::is_autocast_enabled(at::kCPU) || pass.units.empty() ||
      (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble) || x.dim() != 4 ||
      x.numel() == 0 ||
      x.size(1) * window * window != pass.units.front().pointwise.front().size(1) ||
      !has_kernels(pass.units, x.scalar_type())) {
    return false;
  }
  const at::Tensor& addend = pass.output.addend;
  const std::vector<UnitGeometry> geometries = geometries_of(pass.units, x);
  const kernels::UnitShape& last = geometries.back().shape();
  const bool adds_well =
      !addend.defined() ||
      (addend.scalar_type() == x.scalar_type() &&
       addend.sizes() == at::IntArrayRef({x.size(0), geometries.back().out_channels,
                                          last.out_height(), last.out_width()}));
  // Batch norm refuses a single value a channel.
  return adds_well &&
         (!pass.units.front().norm->is_training() || x.size(0) * last.out_pixels() > 1);
}

}  // namespace norm_block

std::optional<at::Tensor> run_fused(const NormBlock& block, const at::Tensor& x,
                                    const NormBlockOutput& output) {
  norm_block::NormBlockPass pass;
  pass.units = block.units();
  pass.x = x;
  pass.output = output;
  if (!norm_block::fits(pass)) {
    return std::nullopt;
  }
  std::vector<at::Tensor> inputs = norm_block::weights_of(pass.units);
  inputs.insert(inputs.begin(), x);
  if (output.addend.defined()) {
    inputs.push_back(output.addend);
  }
  const bool training = pass.units.front().norm->is_training();
  if (!training && (norm_block::needs_gradient(inputs) || output.drop_path.defined())) {
    return std::nullopt;
  }
  if (output.drop_path.defined()) {
    TORCH_CHECK(output.drop_path.numel() == x.size(0), "DropPath: made for ",
                output.drop_path.numel(), " samples, asked for x of shape ", x.sizes());
    pass.output.drop_path = output.drop_path.to(x.scalar_type()).contiguous();
  }
  return norm_block::run(pass, inputs, training);
}

}  // namespace darts
