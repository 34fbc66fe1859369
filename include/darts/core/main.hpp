#pragma once

#include <functional>
#include <iosfwd>
#include <string_view>

namespace darts {

/// Runs a program's `body` inside the one `catch` it has, and returns its exit status.
///
/// An exception becomes one line, "error: <message>", on standard error, and status 1: the message
/// of a darts::Error in full, of any other exception up to its first newline (LibTorch's carry a
/// stack trace). A std::logic_error is called a bug in `program`.
int run_main(std::string_view program, const std::function<int()>& body);

/// The same with the stream named that errors go to.
int run_main(std::string_view program, const std::function<int()>& body, std::ostream& errors);

}  // namespace darts
