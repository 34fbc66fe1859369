#pragma once

#include <darts/core/file_descriptor.hpp>

#include <atomic>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

namespace darts {

/// Turns SIGINT (Ctrl-C) and SIGTERM into a wish that a loop looks at between steps.
///
/// Make it first thing in main(): the signals are blocked for this thread and for those it starts
/// (a child program inherits the block as well), and a thread of its own reads them. SIGXFSZ is
/// ignored meanwhile, so that a limit on file sizes shows as an ordinary error of write(2), and
/// SIGPIPE, so that a run outlives the reader of its output.
class StopSignals {
 public:
  /// Takes the first signal, in the reading thread; for a message such as "stopping after this
  /// step; again to stop at once".
  using Callback = std::function<void(int signal)>;

  explicit StopSignals(Callback on_first);

  /// Ends the thread and restores what the signals did before.
  ~StopSignals();

  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The first signal that came, if any. A second one ends the process at once with status
  /// 128 + signal, whatever it is doing.
  std::optional<int> pending() const;

  /// What main() returns after stopping: 130 for SIGINT, 143 for SIGTERM, 0 without a signal.
  int exit_status() const;

 private:
  void read_signals(const Callback& on_first);

  std::atomic<int> first_{0};
  FileDescriptor signals_;
  FileDescriptor end_;
  sigset_t mask_before_{};
  struct sigaction size_limit_before_ {};
  struct sigaction pipe_before_ {};
  std::jthread reader_;
};

}  // namespace darts
