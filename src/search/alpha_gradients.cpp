#include "alpha_gradients.hpp"

#include <ATen/ops/zeros_like.h>
#include <torch/csrc/api/include/torch/autograd.h>

namespace darts {

std::vector<at::Tensor> gradients_of(const at::Tensor& loss,
                                     const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> gradients =
      torch::autograd::grad({loss}, inputs, /*grad_outputs=*/{}, /*retain_graph=*/std::nullopt,
                            /*create_graph=*/false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) {
      gradients[i] = at::zeros_like(inputs[i]);
    }
  }
  return gradients;
}

void set_gradients(const Alphas& alphas, const std::vector<at::Tensor>& gradients) {
  alphas.normal.mutable_grad() = gradients.at(0);
  alphas.reduce.mutable_grad() = gradients.at(1);
}

}  // namespace darts
