#pragma once

#include <darts/parallel/ranks.hpp>

#include <ATen/Parallel.h>

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace darts::testing {

/// Where the threads of run_ranks() meet.
class MeetingPlace {
 public:
  explicit MeetingPlace(int size) : values_(static_cast<std::size_t>(size)), size_(size) {}

  int size() const { return size_; }

  /// All ranks' values, once all are there.
  template <class Value>
  std::vector<Value> exchange(int rank, Value value) {
    values_[static_cast<std::size_t>(rank)] = &value;
    wait();
    std::vector<Value> all;
    for (const void* const of_rank : values_) {
      all.push_back(*static_cast<const Value*>(of_rank));
    }
    wait();
    return all;
  }

  /// Nobody waits any longer for a rank that has failed.
  void fail() {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    arrived_.notify_all();
  }

 private:
  void wait() {
    std::unique_lock lock(mutex_);
    const int round = round_;
    if (++count_ == size_) {
      count_ = 0;
      ++round_;
      arrived_.notify_all();
    }
    arrived_.wait(lock, [&] { return round_ != round || failed_; });
    if (round_ == round) {
      throw std::runtime_error("another rank has failed");
    }
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<const void*> values_;
  int size_;
  int count_ = 0;
  int round_ = 0;
  bool failed_ = false;
};

/// A rank that is a thread of this process.
class ThreadRank : public Ranks {
 public:
  ThreadRank(std::shared_ptr<MeetingPlace> place, int rank)
      : place_(std::move(place)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return place_->size(); }
  using Ranks::sum;
  void sum(const at::Tensor& tensor) override {
    ++sums;
    at::Tensor total;
    for (const at::Tensor& part : place_->exchange(rank_, tensor.detach().clone())) {
      total = total.defined() ? total.add_(part) : part.clone();
    }
    tensor.detach().copy_(total);
  }
  std::vector<at::Tensor> gather(const at::Tensor& tensor) override {
    return place_->exchange(rank_, tensor.detach().clone());
  }
  void broadcast(const at::Tensor& tensor) override {
    tensor.detach().copy_(gather(tensor).front());
  }
  void barrier() override { place_->exchange(rank_, 0); }
  std::vector<std::string> exchange(const std::string& text) override {
    return place_->exchange(rank_, text);
  }
  void leave(const std::string& /*reason*/) noexcept override {}

  int sums = 0;  ///< that it has taken part in

 private:
  std::shared_ptr<MeetingPlace> place_;
  int rank_;
};

/// Calls `work` for each of so many ranks at the same time, each with one thread for its
/// operations. Throws what a rank throws, after all have ended.
inline void run_ranks(int size,
                      const std::function<void(const std::shared_ptr<ThreadRank>&)>& work) {
  const auto place = std::make_shared<MeetingPlace>(size);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      at::set_num_threads(1);
      try {
        work(std::make_shared<ThreadRank>(place, rank));
      } catch (...) {
        failures[static_cast<std::size_t>(rank)] = std::current_exception();
        place->fail();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) {
      std::rethrow_exception(failure);
    }
  }
}

}  // namespace darts::testing
