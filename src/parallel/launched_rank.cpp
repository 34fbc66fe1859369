#include "launched_rank.hpp"

#include <darts/core/error.hpp>
#include <darts/core/posix_file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <utility>

namespace darts::parallel {
namespace {

constexpr std::string_view error_mark = "error: ";

/// A pipe's ends: to read, which never waits, and to write.
std::pair<FileDescriptor, FileDescriptor> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error("cannot start the ranks: " + detail::reason_of(errno));
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

ChildSetup setup_of(const Launch& what, int rank, std::uint16_t port) {
  const std::string number = std::to_string(rank);
  const std::string size = std::to_string(what.processes);
  return {.environment = {{"RANK", number},
                          {"WORLD_SIZE", size},
                          {"LOCAL_RANK", number},
                          {"LOCAL_WORLD_SIZE", size},
                          {"MASTER_ADDR", "127.0.0.1"},
                          {"MASTER_PORT", std::to_string(port)},
                          {"TORCHELASTIC_USE_AGENT_STORE", "True"}}};
}

}  // namespace

LaunchedRank::LaunchedRank(const Launch& what, int rank, std::uint16_t port) : rank_(rank) {
  ChildSetup setup = setup_of(what, rank, port);
  if (rank == 0) {
    child_.emplace(what.program, what.arguments, setup);
    return;
  }
  auto [read_end, write_end] = make_pipe();
  const FileDescriptor nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  setup.output = nowhere.get();
  setup.errors = write_end.get();
  errors_ = std::move(read_end);
  child_.emplace(what.program, what.arguments, setup);
}

bool LaunchedRank::poll() {
  if (ended_) {
    return true;
  }
  show_lines();
  ended_ = child_->poll();
  if (!ended_) {
    return false;
  }
  at_ = Clock::now();
  const bool stopped =
      ended_->signal == 0 && (ended_->code == 128 + SIGTERM || ended_->code == 128 + SIGINT);
  failed_ = !ended_->success() && !stopped && !(told_to_end_ && ended_->signal != 0);
  show_lines();
  if (!rest_.empty()) {
    show(std::exchange(rest_, ""));
  }
  return true;
}

void LaunchedRank::show_lines() {
  std::array<char, 4096> block{};
  while (errors_.valid()) {
    const ssize_t size = ::read(errors_.get(), block.data(), block.size());
    if (size <= 0) {
      break;
    }
    rest_.append(block.data(), static_cast<std::size_t>(size));
  }
  for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
    show(rest_.substr(0, end));
    rest_.erase(0, end + 1);
  }
}

/// An error is kept for the end, where it is seen whether it is the one that counts.
void LaunchedRank::show(const std::string& line) {
  if (line.starts_with(error_mark)) {
    message_ = line.substr(error_mark.size());
  } else if (!line.empty()) {
    std::cerr << "[rank " + std::to_string(rank_) + "] " + line + "\n" << std::flush;
  }
}

void LaunchedRank::signal(int number) const {
  if (!ended_) {
    told_to_end_ = true;
    child_->signal(number);
  }
}

int LaunchedRank::status() const {
  return !ended_ ? 0 : ended_->signal != 0 ? 128 + ended_->signal : ended_->code;
}

/// Those that end since another one has say "rank 2 has ended".
bool LaunchedRank::blames_another() const {
  return rank_ != 0 && message_.starts_with("rank ") &&
         (message_.find(" has ended") != std::string::npos ||
          message_.find(" not answered") != std::string::npos);
}

bool LaunchedRank::failed_before(const LaunchedRank& other) const {
  const auto by_itself = [](const LaunchedRank& rank) {
    return rank.ended_->signal != 0 || !(rank.blames_another() || rank.told_to_end_);
  };
  return by_itself(*this) != by_itself(other) ? by_itself(*this) : at_ < other.at_;
}

std::string LaunchedRank::failure() const {
  const std::string name = "rank " + std::to_string(rank_);
  if (ended_->signal != 0) {
    return "error: " + name + " was ended by signal " + std::to_string(ended_->signal) + " (" +
           ::strsignal(ended_->signal) + ")\n";
  }
  return message_.empty()
             ? "error: " + name + " ended with status " + std::to_string(ended_->code) + "\n"
             : "error: " + name + ": " + message_ + "\n";
}

}  // namespace darts::parallel
