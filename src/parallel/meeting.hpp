#pragma once

#include <darts/core/error.hpp>
#include <darts/parallel/rank_place.hpp>

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace darts::parallel {

using Milliseconds = std::chrono::milliseconds;

/// Calls work() in a thread of its own and waits for it so long. False: it has not come back, and
/// is left behind. Throws what it throws.
bool within_time(Milliseconds time, const std::function<void()>& work);

/// The reason in an exception of c10d's or Gloo's, in one line, without where it was thrown.
std::string reason_in(const std::exception& failure);

/// Where the ranks of a run meet: a store of texts that one process hosts. Of a restarted run it is
/// another one.
class Meeting {
 public:
  /// Throws Error where it cannot be reached or hosted within that time.
  Meeting(RankPlace place, Milliseconds timeout);

  const c10::intrusive_ptr<c10d::Store>& store() const { return store_; }

  /// Waits for all ranks to come. Throws Error, which names those that have not.
  void wait_for_all();

  /// Why this rank ends, for the others.
  void leave(const std::string& reason) noexcept;

  /// What has become of the others, after an exchange has failed because of `reason`: asks who is
  /// still there, and says who is not. Takes about a second at most.
  Error lost(const std::string& reason);

 private:
  void open(Milliseconds timeout);
  std::vector<int> without(const std::string& key, Milliseconds patience);
  std::optional<std::string> reason_left();
  std::string fate_of_others(bool timed_out, Milliseconds patience);
  void let_others_ask(Milliseconds patience);
  std::optional<std::string> text_of(const std::string& key, int rank);
  std::string at() const;
  bool hosts() const { return place_.rank == 0 && !place_.launcher_hosts; }

  RankPlace place_;
  Milliseconds timeout_;
  c10::intrusive_ptr<c10d::Store> store_;
  bool is_lost_ = false;
};

}  // namespace darts::parallel
