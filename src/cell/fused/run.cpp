#include "run.hpp"

#include "backward.hpp"
#include "forward.hpp"
#include "weights.hpp"

#include <darts/cell/topology.hpp>

#include <optional>

namespace darts::fused {
namespace {

template <class T, class S = T>
class TypedCellRun : public CellRun {
 public:
  explicit TypedCellRun(std::shared_ptr<const CellPlan> plan) : plan_(std::move(plan)) {}

  at::Tensor forward(const CellInputs& inputs, const PassOptions& options) override {
    pass_.emplace(plan_, inputs, options);
    pack_weights(*pass_);
    run_states(*pass_);
    std::vector<at::Tensor> nodes;
    for (std::int64_t i = cell_inputs; i < plan_->states(); ++i) {
      nodes.push_back(pass_->state(i).value);
    }
    at::Tensor out = pass_->from_dense(nodes);
    if (!options.keep || options.recompute) {
      for (std::int64_t i = 0; i < plan_->states(); ++i) {
        pass_->release(i);
      }
    }
    if (options.keep) {
      pass_->release_spare();
    } else {
      pass_.reset();
    }
    return out;
  }

  CellGradients backward(const at::Tensor& grad, const Wanted& wanted) override {
    TORCH_CHECK(pass_.has_value(),
                "fused cell: a pass goes backward once; retain_graph is for the plain execution");
    if (pass_->options.recompute) {
      run_states(*pass_);
    }
    CellGradients gradients = run_backward(*pass_, grad, wanted);
    pass_.reset();
    return gradients;
  }

 private:
  std::shared_ptr<const CellPlan> plan_;
  std::optional<CellPass<T, S>> pass_;
};

}  // namespace

std::unique_ptr<CellRun> make_cell_run(std::shared_ptr<const CellPlan> plan, at::ScalarType type,
                                       Precision storage) {
  if (type == at::kDouble) {
    return std::make_unique<TypedCellRun<double>>(std::move(plan));
  }
  TORCH_CHECK(type == at::kFloat, "fused cell: float or double expected, got ", type);
  if (storage == Precision::bf16) {
    return std::make_unique<TypedCellRun<float, kernels::BFloat16>>(std::move(plan));
  }
  return std::make_unique<TypedCellRun<float>>(std::move(plan));
}

}  // namespace darts::fused
