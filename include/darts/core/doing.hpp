#pragma once

#include <darts/core/error.hpp>

#include <string>
#include <utility>

namespace darts {

/// Memory that did not suffice, of the machine or of a device. The message says for what; what can
/// be lowered, run_main() adds.
class MemoryError : public Error {
 public:
  explicit MemoryError(const std::string& message, std::string its_advice = {})
      : Error(message), advice(std::move(its_advice)) {}

  std::string advice;  ///< empty: the program's
};

/// A part of a program's work, as the error says that ends it.
struct Task {
  Task(const char* it_does) : does(it_does) {}             // NOLINT(google-explicit-constructor)
  Task(std::string it_does) : does(std::move(it_does)) {}  // NOLINT(google-explicit-constructor)

  /// What to do where memory does not suffice; without it run_main() gives the program's advice.
  Task needs_memory(std::string advice) && {
    memory_advice = std::move(advice);
    return std::move(*this);
  }
  /// What to do otherwise.
  Task or_else(std::string advice) && {
    other_advice = std::move(advice);
    return std::move(*this);
  }

  std::string does;  ///< "read the checkpoint x.safetensors"
  std::string memory_advice = {};
  std::string other_advice = {};
};

namespace detail {

[[noreturn]] void rethrow_for(const Task& task);
[[noreturn]] void rethrow_within(const std::string& where);

/// What the exception at hand, none of ours, comes to: an Error without a task; a std::logic_error
/// that is a bug of ours goes on as it is. Only inside a handler.
[[noreturn]] void rethrow_as_error();

}  // namespace detail

/// work(), a part of the program that does `task`.
///
/// Here the exceptions of other libraries become Errors (of LibTorch, nlohmann::json, yaml-cpp,
/// std::filesystem, threads; memory that is out), "cannot TASK: why", in words that need no
/// knowledge of them, with what to do where that is known. Errors of our own pass as they are, and
/// so does a std::logic_error, which is a bug. What no task encloses, run_main() translates alike.
template <class Work>
decltype(auto) doing(const Task& task, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    detail::rethrow_for(task);
  }
}

/// work(), which reads a part of an input and does not know where that stands: its Errors, and what
/// other libraries throw, get `where` before them: "x.yaml:3: space.cells: must be at least 1".
template <class Work>
decltype(auto) within(const std::string& where, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    detail::rethrow_within(where);
  }
}

}  // namespace darts
