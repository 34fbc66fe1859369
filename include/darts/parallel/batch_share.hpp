#pragma once

#include <darts/parallel/ranks.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace darts {

/// The rows of a batch that a rank has.
struct BatchShare {
  std::int64_t first = 0;  ///< row of the whole batch with which they begin
  std::int64_t rows = 0;
  std::int64_t all = 0;     ///< rows of the whole batch
  bool replicated = false;  ///< each rank has all rows, which are too few to be shared out

  /// Of the mean loss of these rows in that of the whole batch. Of a replicated one rank 0's
  /// counts.
  double weight(int rank) const {
    return replicated ? (rank == 0 ? 1.0 : 0.0)
                      : static_cast<double>(rows) / static_cast<double>(all);
  }
};

/// What to do with a batch that has fewer than two rows for each rank.
enum class SmallBatch {
  replicate,  ///< each rank computes all of it: in training, where batch norms need some rows
  share,      ///< some ranks have one row of it, or none
};

/// What batch norms in training go by.
enum class BatchNormStatistics {
  local,  ///< each rank's own rows: another search than that of one process
  sync,   ///< the rows of all ranks
};

/// A rank's rows [⌊n·r/W⌋, ⌊n·(r+1)/W⌋) of a batch of n, for rank r of W.
BatchShare share_of(std::int64_t all, int rank, int size, SmallBatch small = SmallBatch::replicate);

/// Sizes of so many parts that a batch is worked through in, one after the other: nearly equal, of
/// two rows at least (fewer parts, where there are not so many).
std::vector<std::int64_t> part_sizes(std::int64_t all, std::int64_t parts);

/// A rank's rows of each part of a batch, counted in the whole batch; `all` is the part's.
std::vector<BatchShare> shares_of(std::int64_t all, std::int64_t parts, int rank, int size,
                                  SmallBatch small = SmallBatch::replicate);

/// The images that the shares of a batch's parts are of: of all ranks.
std::int64_t whole_of(const std::vector<BatchShare>& shares);

/// Sets first and all of the shares by the rows that are left of each on all ranks. False: a rank
/// has fewer than `least` rows of one of them, or there is none at all. Throws Error where ranks
/// have not been able to read the same of what each has all of.
bool agree_on_rows(Ranks& ranks, std::vector<BatchShare>& shares, std::int64_t least);

/// The batch that a pass is on, as those modules of a network see it that depend on the other
/// ranks' rows, too: batch norms (ops/batch_norm.hpp) and operations that draw (ops/noise.hpp).
class SharedBatch {
 public:
  explicit SharedBatch(std::shared_ptr<Ranks> ranks) : ranks_(std::move(ranks)) {}

  /// What the passes from now on are on.
  void begin(const BatchShare& share) { share_ = share; }

  const BatchShare& share() const { return share_; }
  /// Whether the other ranks have rows that this one has not.
  bool is_shared() const { return share_.all > 0 && !share_.replicated && !ranks_->alone(); }
  Ranks& ranks() const { return *ranks_; }

 private:
  std::shared_ptr<Ranks> ranks_;
  BatchShare share_;
};

/// All ranks' rows of a batch in their order. `rows`: this rank's, those of its `shares` one after
/// the other.
at::Tensor gather_rows(Ranks& ranks, const at::Tensor& rows, const std::vector<BatchShare>& shares);

}  // namespace darts
