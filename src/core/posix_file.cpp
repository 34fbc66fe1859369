#include <darts/core/posix_file.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace darts::detail {

std::string reason_of(int error) {
  const std::string what = std::generic_category().message(error);
  switch (error) {
    case ENOSPC:
      return what + "; free some space";
    case EDQUOT:
      return what + "; free some space or ask for a larger quota";
    case EFBIG:
      return what + "; raise the limit on file sizes (ulimit -f)";
    case EACCES:
    case EPERM:
      return what + "; check who owns it and its permissions";
    case EROFS:
      return what + "; choose a folder that can be written";
    case ENOENT:
      return what + "; check the path";
    case EMFILE:
    case ENFILE:
      return what + "; raise the limit on open files (ulimit -n)";
    default:
      return what;
  }
}

int write_all(int fd, std::string_view bytes) {
  constexpr std::size_t most = std::size_t{1} << 30U;  // Linux writes at most 2 GiB a call
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), std::min(bytes.size(), most));
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int sync(int fd) {
  while (::fsync(fd) != 0) {
    if (errno != EINTR) {
      return errno == EINVAL || errno == ENOTSUP ? 0 : errno;
    }
  }
  return 0;
}

}  // namespace darts::detail
