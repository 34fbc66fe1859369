#pragma once

#include <darts/ops/noise.hpp>

namespace darts {

/// A skip connection with dropout, as P-DARTS has it in its search (Chen et al. 2019, section
/// 3.3.2): in training every value is 0 with probability p, and else divided by 1 − p.
/// (N, C, H, W) → the same.
class SkipDropoutImpl : public torch::nn::Cloneable<SkipDropoutImpl>, public DrawingOperation {
 public:
  void reset() override {}
  at::Tensor forward(const at::Tensor& x);

  /// p, in [0, 1); 0 at the beginning.
  void set_probability(double probability) { probability_ = probability; }

 private:
  double probability_ = 0.0;
};
TORCH_MODULE(SkipDropout);

/// Sets p of all of them in a network.
void set_skip_dropout(torch::nn::Module& network, double probability);

}  // namespace darts
