#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace darts {

/// The processes that run one search, training or test together, of which this is one: a rank.
///
/// All ranks make the same calls in the same order, with tensors of the same types and sizes (of
/// which nothing is checked: exchange() is for what may differ). What comes of a call is the same,
/// byte for byte, on all ranks and in every run. A call throws Error, which says which rank and
/// why, if a rank has ended or does not answer within the time-out; nothing can be exchanged from
/// then on.
class Ranks {
 public:
  virtual ~Ranks() = default;

  virtual int rank() const = 0;  ///< this process's, from 0
  virtual int size() const = 0;  ///< how many there are
  /// The same among the ranks on this machine.
  virtual int local_rank() const { return rank(); }
  virtual int local_size() const { return size(); }
  bool alone() const { return size() == 1; }
  bool is_first() const { return rank() == 0; }

  /// tensor becomes the sum of all ranks' (on a GPU in its current stream, without waiting). It has
  /// to be dense.
  virtual void sum(const at::Tensor& tensor) = 0;
  /// The same of numbers in the host's memory.
  void sum(std::span<double> values);

  /// All ranks' tensors, in the order of ranks.
  virtual std::vector<at::Tensor> gather(const at::Tensor& tensor) = 0;

  /// tensor becomes rank 0's.
  virtual void broadcast(const at::Tensor& tensor) = 0;

  /// Waits for all ranks.
  virtual void barrier() = 0;

  /// All ranks' texts, in the order of ranks, of whatever lengths. For what is rare.
  virtual std::vector<std::string> exchange(const std::string& text) = 0;
  /// Rank 0's text, on all ranks; what the others give does not count.
  std::string of_first(const std::string& text) {
    return exchange(is_first() ? text : std::string()).front();
  }

  /// Leaves a message for the ranks that go on: why this one ends.
  virtual void leave(const std::string& reason) noexcept = 0;
};

/// A process that works by itself: each call gives back what it was given.
std::shared_ptr<Ranks> single_rank();

}  // namespace darts
