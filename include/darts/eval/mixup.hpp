#pragma once

#include <darts/core/random.hpp>
#include <darts/data/batch_loader.hpp>

namespace darts {

/// A training batch whose images may each be a mixture of two.
struct MixedBatch {
  at::Tensor images;
  at::Tensor labels;        ///< of the share `share`
  at::Tensor other_labels;  ///< of the rest; undefined if nothing is mixed
  double share = 1.0;
};

/// mixup (Zhang et al. 2018, "mixup: beyond empirical risk minimization"): image i becomes
/// λ·x_i + (1 − λ)·x_π(i) with one λ ~ Beta(strength, strength) and one random permutation π for
/// the batch, both drawn from `random`. `strength` 0: the batch as it is.
MixedBatch mix(const Batch& batch, double strength, RandomStream random);

/// Mean cross entropy of logits (N, classes) with the batch's labels, with label smoothing (Szegedy
/// et al. 2016): the target is (1 − ε)·onehot + ε / classes. Mixed labels count by their shares.
at::Tensor mixed_cross_entropy(const at::Tensor& logits, const MixedBatch& batch,
                               double label_smoothing);

}  // namespace darts
