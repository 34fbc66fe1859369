#include <darts/core/flat_weights.hpp>
#include <darts/search/selection.hpp>
#include <darts/search/theta_pass.hpp>

#include <c10/core/GradMode.h>

namespace darts {

ThetaPass::ThetaPass(const Supernet& supernet, std::shared_ptr<SupernetPass> pass,
                     std::shared_ptr<const SearchMethod> method)
    : supernet_(supernet),
      pass_(std::move(pass)),
      method_(std::move(method)),
      theta_(supernet_->theta()) {}

ThetaPass::Result ThetaPass::run(const Batch& batch, Differentiate by,
                                 const SearchPosition& position, Moves moves) {
  const bool to_theta = by != Differentiate::weights;
  const c10::AutoGradMode mode(to_theta);
  const Mixings mixings = apply_selection(
      moves == Moves::w ? method_->mix_for_w(theta_, position, loss_in_evaluation(batch))
                        : method_->mix_all(theta_, position, moves),
      theta_);
  const PassResult pass = pass_->run(batch, mixings, by);
  Result result{pass.loss, pass.correct, {}};
  if (to_theta) {
    result.theta = gradients_of({mixings.normal.operations, mixings.reduce.operations}, pass.mixing,
                                theta_.tensors());
  }
  return result;
}

MixingLossOf ThetaPass::loss_in_evaluation(const Batch& batch) {
  return [this, &batch](const Mixings& mixings) {
    supernet_->eval();
    const PassResult pass =
        pass_->run(batch, apply_selection(mixings, theta_), Differentiate::mixing);
    supernet_->train();
    return MixingLoss{pass.loss, {pass.mixing[0], pass.mixing[1]}};
  };
}

void ThetaPass::add_penalty(const SearchPosition& position) const {
  const at::Tensor penalty = method_->penalty(theta_, position);
  if (!penalty.defined()) {
    return;
  }
  const std::vector<at::Tensor> gradients = gradients_of(penalty, theta_.tensors());
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    theta_.tensors()[i].mutable_grad().add_(gradients[i]);
  }
}

}  // namespace darts
