#pragma once

#include <darts/core/random.hpp>
#include <darts/data/batch_loader.hpp>

namespace darts {

/// What the logits of a batch are compared with. All on one device, so that a captured graph can
/// read it.
struct MixedTargets {
  at::Tensor labels;        ///< of the share `share`
  at::Tensor other_labels;  ///< of the rest; undefined if nothing is mixed
  at::Tensor share;         ///< of no dimension; undefined if nothing is mixed
};

/// A training batch whose images may each be a mixture of two.
struct MixedBatch {
  at::Tensor images;
  at::Tensor labels;        ///< of the share `share`
  at::Tensor other_labels;  ///< of the rest; undefined if nothing is mixed
  double share = 1.0;

  /// With the share in the type of the logits.
  MixedTargets targets(at::ScalarType type) const;
};

/// mixup (Zhang et al. 2018, "mixup: beyond empirical risk minimization"): image i becomes
/// λ·x_i + (1 − λ)·x_π(i) with one λ ~ Beta(strength, strength) and one random permutation π for
/// the whole batch, both drawn from `random`; the images that a rank's are mixed with are the other
/// ranks', too, which so exchange them. `strength` 0: the batch as it is.
MixedBatch mix(const Batch& batch, double strength, RandomStream random,
               const std::shared_ptr<Ranks>& ranks = single_rank());

/// Mean cross entropy of logits (N, classes) with the targets, with label smoothing (Szegedy
/// et al. 2016): the target is (1 − ε)·onehot + ε / classes. Mixed labels count by their shares.
at::Tensor mixed_cross_entropy(const at::Tensor& logits, const MixedTargets& targets,
                               double label_smoothing);

}  // namespace darts
