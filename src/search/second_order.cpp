#include <darts/ops/noise.hpp>
#include <darts/search/architect.hpp>

#include <ATen/ops/addcmul.h>
#include <c10/core/GradMode.h>

namespace darts {
namespace {

class SecondOrderArchitect : public Architect {
 public:
  explicit SecondOrderArchitect(const ArchitectContext& context)
      : context_(context), statistics_(flatten_by_type(context.supernet->buffers())) {}

  void compute_gradients(const Batch& train, const Batch& valid, double learning_rate,
                         const SearchPosition& position) override {
    FlatWeights& weights = context_.sgd->weights();
    position_ = position;
    context_.pass->run(train, Differentiate::weights, position_, Moves::theta);
    FlatRestore w({weights.values()});
    context_.sgd->unroll(learning_rate);
    const std::vector<at::Tensor> at_unrolled = theta_gradients_at_unrolled(valid);

    // From here on the gradient of w is the direction of the difference: what follows computes
    // gradients of theta alone.
    const at::Tensor norm = flat_norm(weights.gradient());
    const at::Tensor epsilon = norm.reciprocal().mul_(context_.difference_scale);
    const NoiseMark noise(*context_.supernet);
    const std::vector<at::Tensor> plus = theta_gradients_at(train, w.saved(), epsilon, 1.0);
    noise.rewind();  // a difference in w, not in what is drawn
    const std::vector<at::Tensor> minus = theta_gradients_at(train, w.saved(), epsilon, -1.0);
    const c10::NoGradGuard no_grad;
    const at::Tensor scale = norm * (learning_rate / (2.0 * context_.difference_scale));  // ξ / 2ε
    std::vector<at::Tensor> gradients;
    for (std::size_t i = 0; i < at_unrolled.size(); ++i) {
      gradients.push_back(at::addcmul(at_unrolled[i], plus[i] - minus[i], scale, -1.0));
    }
    context_.pass->theta().set_gradients(gradients);
  }

 private:
  /// ∇α L_valid(w', α); ∇w' L_valid(w', α) is left in the gradient of w.
  std::vector<at::Tensor> theta_gradients_at_unrolled(const Batch& valid) {
    const FlatRestore statistics(statistics_);
    return context_.pass->run(valid, Differentiate::both, position_, Moves::theta).theta;
  }

  /// ∇α L_train(w + sign · ε · direction, α), where the direction is the gradient of w.
  std::vector<at::Tensor> theta_gradients_at(const Batch& train, const at::Tensor& w,
                                             const at::Tensor& epsilon, double sign) {
    FlatWeights& weights = context_.sgd->weights();
    {
      const c10::NoGradGuard no_grad;
      at::Tensor values = weights.values();
      at::addcmul_out(values, w, weights.gradient(), epsilon, sign);
    }
    return context_.pass->run(train, Differentiate::mixing, position_, Moves::theta).theta;
  }

  ArchitectContext context_;
  std::vector<FlatTensors> statistics_;
  SearchPosition position_;  ///< of the step under way
};

}  // namespace

std::unique_ptr<Architect> make_second_order_architect(const ArchitectContext& context) {
  return std::make_unique<SecondOrderArchitect>(context);
}

}  // namespace darts
