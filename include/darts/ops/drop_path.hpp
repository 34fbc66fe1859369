#pragma once

#include <darts/core/random.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace darts {

struct DropPathOptions {
  double probability = 0.0;  ///< of dropping an edge's output, in [0, 1)
  std::int64_t edges = 0;    ///< edges that will be asked for, at most
  std::int64_t samples = 0;  ///< images in the batch
};

/// Drop path (Larsson et al. 2017; paper, A.2): in training, an edge's output is dropped for each
/// sample with probability p, and scaled by 1 / (1 − p) where it is kept, so that its mean stays.
///
/// One object serves one forward pass: all decisions are drawn at its making, from `random` alone
/// and on the CPU, so that a run can be resumed and all devices agree; the k-th call of apply()
/// takes the k-th edge's.
class DropPath {
 public:
  /// Drops nothing.
  DropPath() = default;
  DropPath(const DropPathOptions& options, RandomStream random, const at::TensorOptions& like);
  /// With factors that draw_drop_path() made.
  explicit DropPath(at::Tensor factors) : scales_(std::move(factors)) {}

  /// x: (N, …) with the N of the options → the same shape and type.
  at::Tensor apply(const at::Tensor& x);
  /// What apply() would multiply the images with: N factors; undefined if it drops nothing. Counts
  /// as a call of it.
  at::Tensor next();

 private:
  at::Tensor scales_;  ///< edges × N, 0 or 1 / (1 − p); undefined: drops nothing
  std::int64_t next_ = 0;
};

/// The decisions of one forward pass: edges × samples factors 0 or 1 / (1 − p), like `like`;
/// undefined with p = 0. Nothing waits for a GPU.
at::Tensor draw_drop_path(const DropPathOptions& options, RandomStream random,
                          const at::TensorOptions& like);

/// x: (N, …), factors: N → each image times its factor.
at::Tensor drop_images(const at::Tensor& x, const at::Tensor& factors);

}  // namespace darts
