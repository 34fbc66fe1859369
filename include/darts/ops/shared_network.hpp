#pragma once

#include <darts/core/flat_tensors.hpp>
#include <darts/parallel/batch_share.hpp>

#include <torch/nn/module.h>

#include <memory>
#include <vector>

namespace darts {

/// What ties the steps of a network to those of the other ranks' copies of it: its batch norms and
/// the operations that draw know of the whole batch while this lives and after it.
class SharedNetwork {
 public:
  /// One rank alone changes nothing. Throws Error as share_batch_norms() does.
  SharedNetwork(torch::nn::Module& network, std::shared_ptr<Ranks> ranks,
                BatchNormStatistics statistics);

  Ranks& ranks() const { return *ranks_; }
  const std::shared_ptr<Ranks>& shared_ranks() const { return ranks_; }
  bool alone() const { return ranks_->alone(); }
  /// To be told of every batch.
  const std::shared_ptr<SharedBatch>& batch() const { return batch_; }
  /// Whether passes exchange sums, so that they cannot be captured as graphs.
  bool exchanges() const { return !alone() && statistics_ == BatchNormStatistics::sync; }

  /// After a step with local statistics: the running ones become the mean of all ranks', so that
  /// all of them, and every checkpoint, hold the same.
  void average_statistics() const;

 private:
  std::shared_ptr<Ranks> ranks_;
  BatchNormStatistics statistics_;
  std::shared_ptr<SharedBatch> batch_;
  std::vector<FlatTensors> buffers_;
};

}  // namespace darts
