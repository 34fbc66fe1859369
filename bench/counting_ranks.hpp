#pragma once

#include <darts/parallel/ranks.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace darts {

/// What ranks have exchanged, or a step of theirs.
struct Exchanged {
  double sums = 0.0;     ///< calls
  double bytes = 0.0;    ///< of the summed tensors
  double seconds = 0.0;  ///< in these calls, waiting for the slowest rank included
};

/// Counts the sums of ranks.
class CountingRanks : public Ranks {
 public:
  explicit CountingRanks(std::shared_ptr<Ranks> ranks) : ranks_(std::move(ranks)) {}

  int rank() const override { return ranks_->rank(); }
  int size() const override { return ranks_->size(); }
  int local_rank() const override { return ranks_->local_rank(); }
  int local_size() const override { return ranks_->local_size(); }
  using Ranks::sum;
  void sum(const at::Tensor& tensor) override {
    const auto start = std::chrono::steady_clock::now();
    ranks_->sum(tensor);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    exchanged.sums += 1.0;
    exchanged.bytes += static_cast<double>(tensor.nbytes());
    exchanged.seconds += taken.count();
  }
  std::vector<at::Tensor> gather(const at::Tensor& tensor) override {
    return ranks_->gather(tensor);
  }
  void broadcast(const at::Tensor& tensor) override { ranks_->broadcast(tensor); }
  void barrier() override { ranks_->barrier(); }
  std::vector<std::string> exchange(const std::string& text) override {
    return ranks_->exchange(text);
  }
  void leave(const std::string& reason) noexcept override { ranks_->leave(reason); }

  Exchanged exchanged;

 private:
  std::shared_ptr<Ranks> ranks_;
};

}  // namespace darts
