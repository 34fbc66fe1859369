#include "alpha_gradients.hpp"
#include "restore.hpp"

#include <darts/search/architect.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <torch/optim/sgd.h>

namespace darts {
namespace {

constexpr double difference_scale = 0.01;  // paper, footnote 2: ε = 0.01 / ‖∇w' L_valid‖

class SecondOrderArchitect : public Architect {
 public:
  explicit SecondOrderArchitect(const ArchitectContext& context)
      : context_(context),
        weights_(context.supernet->weights()),
        statistics_(context.supernet->buffers()),
        saved_weights_(empty_like(weights_)),
        saved_statistics_(empty_like(statistics_)) {}

  void compute_gradients(const Batch& train, const Batch& valid, double learning_rate) override {
    const Alphas alphas = context_.supernet->alphas();
    Tensors step = context_.pass->run(train, Differentiate::weights).weights;
    Restore weights(weights_, saved_weights_);
    unroll(step, learning_rate);
    const PassResult at_unrolled = pass_at_unrolled(valid);

    const double epsilon = difference_scale / norm(at_unrolled.weights);
    const Tensors plus = alpha_gradients_at(train, weights, at_unrolled.weights, epsilon);
    const Tensors minus = alpha_gradients_at(train, weights, at_unrolled.weights, -epsilon);
    const c10::NoGradGuard no_grad;
    const double scale = learning_rate / (2.0 * epsilon);
    set_gradients(alphas, {at_unrolled.alphas[0].sub(plus[0] - minus[0], scale),
                           at_unrolled.alphas[1].sub(plus[1] - minus[1], scale)});
  }

 private:
  /// w → w', the SGD step that would follow; `step` is ∇w L_train and is overwritten.
  void unroll(Tensors& step, double learning_rate) {
    const c10::NoGradGuard no_grad;
    at::_foreach_add_(step, weights_, context_.weight_decay);
    const auto& state = context_.weight_optimizer->state();
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const auto found = state.find(weights_[i].unsafeGetTensorImpl());
      if (found == state.end()) {
        continue;  // before the first step of w: the buffer is 0
      }
      const auto& sgd = static_cast<const torch::optim::SGDParamState&>(*found->second);
      if (sgd.momentum_buffer().defined()) {
        step[i].add_(sgd.momentum_buffer(), context_.momentum);
      }
    }
    at::_foreach_add_(weights_, step, -learning_rate);
  }

  /// ∇α L_valid(w', α) and ∇w' L_valid(w', α).
  PassResult pass_at_unrolled(const Batch& valid) {
    const Restore statistics(statistics_, saved_statistics_);
    return context_.pass->run(valid, Differentiate::both);
  }

  /// ∇α L_train(w + scale · direction, α).
  Tensors alpha_gradients_at(const Batch& train, Restore& weights, const Tensors& direction,
                             double scale) {
    weights.now();
    {
      const c10::NoGradGuard no_grad;
      at::_foreach_add_(weights_, direction, scale);
    }
    return context_.pass->run(train, Differentiate::alphas).alphas;
  }

  static double norm(const Tensors& tensors) {
    return at::stack(at::_foreach_norm(tensors)).norm().item<double>();
  }

  ArchitectContext context_;
  Tensors weights_;
  Tensors statistics_;
  Tensors saved_weights_;
  Tensors saved_statistics_;
};

}  // namespace

std::unique_ptr<Architect> make_second_order_architect(const ArchitectContext& context) {
  return std::make_unique<SecondOrderArchitect>(context);
}

}  // namespace darts
