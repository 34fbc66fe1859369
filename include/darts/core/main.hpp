#pragma once

#include <functional>
#include <iosfwd>
#include <string_view>

namespace darts {

/// What run_main() has to know of a program to explain its failures.
struct MainProgram {
  MainProgram(const char* its_name) : name(its_name) {}
  MainProgram(const char* its_name, std::string_view advice)
      : name(its_name), memory_advice(advice) {}

  std::string_view name;
  /// What its user can do where memory does not suffice.
  std::string_view memory_advice = "use a smaller batch or network, or a larger machine";
};

/// Runs a program's `body` inside the one `catch` it has, and returns its exit status.
///
/// An exception becomes one line, "error: <message>", on standard error, and status 1: the message
/// of a darts::Error in full, what other libraries throw as doing() words it. A std::logic_error is
/// called a bug in `program`. Where memory does not suffice, the device's or the machine's, the
/// line says so and ends with the program's advice, or the task's.
int run_main(const MainProgram& program, const std::function<int()>& body);

/// The same with the stream named that errors go to.
int run_main(const MainProgram& program, const std::function<int()>& body, std::ostream& errors);

}  // namespace darts
