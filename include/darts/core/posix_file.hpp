#pragma once

#include <string>
#include <string_view>

namespace darts::detail {

/// What an errno value means and what the user can do: "No space left on device; free some space".
std::string reason_of(int error);

/// write(2) until all is written, through short writes and interruptions. Returns 0 or the errno.
int write_all(int fd, std::string_view bytes);

/// fsync(2), retried when interrupted. Returns 0 or the errno. File systems that know no fsync
/// (EINVAL, ENOTSUP) count as done.
int sync(int fd);

}  // namespace darts::detail
