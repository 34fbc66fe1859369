#pragma once

#include <darts/ops/noise.hpp>

namespace darts {

// What searches drop in training, as a help against overfitting or against skip connections.

/// Drops something with probability p, and divides by 1 − p what it keeps.
class DroppingOperation : public DrawingOperation {
 public:
  /// p, in [0, 1); 0 at the beginning.
  void set_probability(double probability) { probability_ = probability; }
  double probability() const { return probability_; }

 protected:
  /// Of `sizes`, of which the first is this rank's rows: whether each is kept (bool).
  at::Tensor draw_kept(std::vector<std::int64_t> sizes, const c10::Device& device);

 private:
  double probability_ = 0.0;
};

/// A skip connection with dropout of every value, as P-DARTS has it in its search (Chen et al.
/// 2019, section 3.3.2). (N, C, H, W) → the same.
class SkipDropoutImpl : public torch::nn::Cloneable<SkipDropoutImpl>, public DroppingOperation {
 public:
  void reset() override {}
  at::Tensor forward(const at::Tensor& x);
  /// What the next pass keeps of images of these sizes, (N, C, H, W), bool and channels last;
  /// undefined: all. For whoever computes it in forward()'s place.
  at::Tensor draw(at::IntArrayRef sizes, const c10::Device& device);
};
TORCH_MODULE(SkipDropout);

/// Drop path in a search: what an edge's mixed operation gives, of every image by itself, as
/// R-DARTS has it (Zela et al. 2020, section 6.1). (N, C, H, W) → the same.
class EdgeDropPathImpl : public torch::nn::Cloneable<EdgeDropPathImpl>, public DroppingOperation {
 public:
  void reset() override {}
  at::Tensor forward(const at::Tensor& x);
  /// What the next pass multiplies so many images with: 0 or 1 / (1 − p), float64; undefined: it
  /// drops none. For whoever computes it in forward()'s place.
  at::Tensor draw(std::int64_t images, const c10::Device& device);
};
TORCH_MODULE(EdgeDropPath);

/// Sets p of all of them in a network.
void set_skip_dropout(torch::nn::Module& network, double probability);
void set_edge_drop_path(torch::nn::Module& network, double probability);

}  // namespace darts
