#pragma once

#include <stdexcept>
#include <string>

namespace darts {

/// Something that the user can mend: a missing file, a bad value, a full disk.
///
/// The message is one line that says what is wrong, where, and what to do. Programs print it after
/// "error: " and exit with a non-zero status (core/main.hpp); a broken invariant of our own is a
/// std::logic_error or a failed TORCH_CHECK instead.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace darts
