#include <darts/core/stop_signals.hpp>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

namespace darts {
namespace {

sigset_t stop_mask() {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGINT);
  sigaddset(&mask, SIGTERM);
  return mask;
}

}  // namespace

StopSignals::StopSignals(Callback on_first) {
  const sigset_t mask = stop_mask();
  signals_ = FileDescriptor(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  end_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_.valid() || !end_.valid()) {
    throw std::system_error(errno, std::generic_category(), "cannot listen to signals");
  }
  ::pthread_sigmask(SIG_BLOCK, &mask, &mask_before_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &ignore, &size_limit_before_);
  ::sigaction(SIGPIPE, &ignore, &pipe_before_);
  reader_ = std::jthread([this, callback = std::move(on_first)] { read_signals(callback); });
}

StopSignals::~StopSignals() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(end_.get(), &one, sizeof one);
  reader_.join();
  ::sigaction(SIGPIPE, &pipe_before_, nullptr);
  ::sigaction(SIGXFSZ, &size_limit_before_, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

std::optional<int> StopSignals::pending() const {
  const int signal = first_.load();
  return signal == 0 ? std::nullopt : std::optional(signal);
}

int StopSignals::exit_status() const {
  const int signal = first_.load();
  return signal == 0 ? 0 : 128 + signal;
}

void StopSignals::read_signals(const Callback& on_first) {
  for (;;) {
    std::array<pollfd, 2> ready{{{signals_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      const auto signal = static_cast<int>(info.ssi_signo);
      if (first_.load() != 0) {
        ::_exit(128 + signal);
      }
      first_.store(signal);
      try {
        if (on_first) {
          on_first(signal);
        }
      } catch (const std::exception&) {
        // The message could not be shown; the program stops all the same.
      }
    }
    if ((ready[1].revents & POLLIN) != 0) {
      return;
    }
  }
}

}  // namespace darts
