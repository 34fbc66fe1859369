#include <darts/core/optimizer_state.hpp>
#include <darts/search/theta_optimizer.hpp>

#include <torch/optim/adam.h>

namespace darts {
namespace {

class Adam : public ThetaOptimizer {
 public:
  Adam(const Theta& theta, const AlphaOptions& o)
      : names_(theta.names()),
        adam_(theta.tensors(), torch::optim::AdamOptions(o.learning_rate)
                                   .betas({o.beta1, o.beta2})
                                   .weight_decay(o.weight_decay)) {}

  void step() override { adam_.step(); }

  void collect(std::string_view prefix, NamedTensors& tensors) const override {
    collect_optimizer(adam_, names_, prefix, tensors);
  }

  void restore(std::string_view prefix, const NamedTensors& tensors,
               std::string_view what) override {
    restore_optimizer(adam_, names_, prefix, tensors, what);
  }

 private:
  std::vector<std::string> names_;
  torch::optim::Adam adam_;
};

}  // namespace

std::unique_ptr<ThetaOptimizer> make_adam(const Theta& theta, const AlphaOptions& options) {
  return std::make_unique<Adam>(theta, options);
}

}  // namespace darts
