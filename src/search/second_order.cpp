#include "alpha_gradients.hpp"

#include <darts/search/architect.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <torch/optim/sgd.h>

namespace darts {
namespace {

using Tensors = std::vector<at::Tensor>;

constexpr double difference_scale = 0.01;  // paper, footnote 2: ε = 0.01 / ‖∇w' L_valid‖

Tensors empty_like(const Tensors& tensors) {
  Tensors copies;
  copies.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    copies.push_back(at::empty_like(tensor));
  }
  return copies;
}

/// Keeps a copy of tensors and puts it back, on leaving the scope too: w must survive an exception.
class Restore {
 public:
  Restore(Tensors& live, Tensors& saved) : live_(live), saved_(saved) {
    const c10::NoGradGuard no_grad;
    at::_foreach_copy_(saved_, live_);
  }
  ~Restore() { now(); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

  void now() {
    const c10::NoGradGuard no_grad;
    at::_foreach_copy_(live_, saved_);
  }

 private:
  Tensors& live_;
  Tensors& saved_;
};

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
    Tensors step = gradients_of(context_.loss(train), weights_);
    Restore weights(weights_, saved_weights_);
    unroll(step, learning_rate);
    const Unrolled at_unrolled = unrolled_gradients(valid);

    const double epsilon = difference_scale / norm(at_unrolled.weights);
    const Tensors plus = alpha_gradients_at(train, weights, at_unrolled.weights, epsilon);
    const Tensors minus = alpha_gradients_at(train, weights, at_unrolled.weights, -epsilon);
    const c10::NoGradGuard no_grad;
    const double scale = learning_rate / (2.0 * epsilon);
    set_gradients(alphas, {at_unrolled.alphas[0].sub(plus[0] - minus[0], scale),
                           at_unrolled.alphas[1].sub(plus[1] - minus[1], scale)});
  }

 private:
  struct Unrolled {
    Tensors alphas;   ///< ∇α L_valid(w', α)
    Tensors weights;  ///< ∇w' L_valid(w', α)
  };

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

  Unrolled unrolled_gradients(const Batch& valid) {
    const Restore statistics(statistics_, saved_statistics_);
    const Alphas alphas = context_.supernet->alphas();
    Tensors inputs{alphas.normal, alphas.reduce};
    inputs.insert(inputs.end(), weights_.begin(), weights_.end());
    Tensors gradients = gradients_of(context_.loss(valid), inputs);
    return {{gradients[0], gradients[1]}, {gradients.begin() + 2, gradients.end()}};
  }

  /// ∇α L_train(w + scale · direction, α).
  Tensors alpha_gradients_at(const Batch& train, Restore& weights, const Tensors& direction,
                             double scale) {
    weights.now();
    {
      const c10::NoGradGuard no_grad;
      at::_foreach_add_(weights_, direction, scale);
    }
    const Alphas alphas = context_.supernet->alphas();
    return gradients_of(context_.loss(train), {alphas.normal, alphas.reduce});
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
