#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/file_descriptor.hpp>
#include <darts/core/posix_file.hpp>
#include <darts/core/text.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>

namespace darts {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_mark = ".tmp-";

fs::path temporary_name(const fs::path& path) {
  std::string name = "." + path.filename().string();
  name.append(temporary_mark).append(std::to_string(::getpid()));
  return path.parent_path() / name;
}

/// The process that wrote a temporary, or -1 if `name` is not the name of one.
pid_t writer_of(const std::string& name) {
  const auto mark = name.rfind(temporary_mark);
  if (name.empty() || name[0] != '.' || mark == std::string::npos) {
    return -1;
  }
  pid_t pid = -1;
  const char* const end = name.data() + name.size();
  const auto [rest, failure] =
      std::from_chars(name.data() + mark + temporary_mark.size(), end, pid);
  return failure == std::errc{} && rest == end && pid > 0 ? pid : -1;
}

int last_error() { return errno == 0 ? EIO : errno; }

/// What a symbolic link leads to, even if nothing is there yet: that is the file to replace.
fs::path followed(fs::path path) {
  constexpr int most_links = 40;  // as Linux follows
  std::error_code none;
  for (int i = 0; i < most_links && fs::is_symlink(fs::symlink_status(path, none)); ++i) {
    path = path.parent_path() / fs::read_symlink(path, none);  // an absolute one stands for itself
  }
  if (fs::is_symlink(fs::symlink_status(path, none))) {
    throw Error("cannot write " + path.string() + ": " + detail::reason_of(ELOOP));
  }
  return path;
}

/// A device or a pipe: it is written into, since a rename would put a file in its place.
bool is_no_file(const fs::path& path) {
  std::error_code none;
  const fs::file_status status = fs::status(path, none);
  return fs::is_other(status);
}

/// Returns 0 or the errno.
int write_pieces(const FileDescriptor& file, std::span<const std::string_view> pieces) {
  if (!file.valid()) {
    return last_error();
  }
  for (const std::string_view piece : pieces) {
    if (const int error = detail::write_all(file.get(), piece)) {
      return error;
    }
  }
  return 0;
}

void write_into(const fs::path& device, std::span<const std::string_view> pieces) {
  const FileDescriptor file(::open(device.c_str(), O_WRONLY | O_CLOEXEC));
  if (const int error = write_pieces(file, pieces)) {
    throw Error("cannot write " + device.string() + ": " + detail::reason_of(error));
  }
}

/// Writes and syncs the temporary. Returns 0 or the errno.
int write_temporary(const fs::path& temporary, std::span<const std::string_view> pieces) {
  FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (const int error = write_pieces(file, pieces)) {
    return error;
  }
  if (const int error = detail::sync(file.get())) {
    return error;
  }
  return file.close() == 0 ? 0 : last_error();
}

/// Makes a rename last through a loss of power. Returns 0 or the errno.
int sync_folder(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.valid() ? detail::sync(fd.get()) : last_error();
}

}  // namespace

void write_file_atomically(const fs::path& path, std::span<const std::string_view> pieces) {
  if (is_no_file(path)) {
    return write_into(path, pieces);
  }
  const fs::path target = followed(path);
  const fs::path temporary = temporary_name(target);
  int error = write_temporary(temporary, pieces);
  if (error == 0 && std::rename(temporary.c_str(), target.c_str()) != 0) {
    error = last_error();
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    std::string message = "cannot write " + path.string() + ": " + detail::reason_of(error);
    std::error_code ignored;
    if (fs::is_regular_file(target, ignored)) {
      message += ", the previous file is unchanged";
    }
    throw Error(message);
  }
  if (const int late = sync_folder(target)) {
    throw Error("wrote " + path.string() +
                ", but cannot make its folder safe: " + detail::reason_of(late));
  }
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  write_file_atomically(path, std::span(&bytes, 1));
}

std::string read_file(const fs::path& path, std::size_t most) {
  const auto fail = [&path](int error) {
    return Error("cannot read " + path.string() + ": " + detail::reason_of(error));
  };
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    throw fail(last_error());
  }
  std::string bytes(S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0, '\0');
  std::size_t have = 0;
  for (;;) {
    if (std::max(have, bytes.size()) > most) {
      throw Error("cannot read " + path.string() + ": it is larger than " + format_bytes(most) +
                  ", which no such file is; is it the right one?");
    }
    // One byte more than the size asks whether the file (or pipe) goes on.
    if (have == bytes.size()) {
      bytes.resize(have + (have == static_cast<std::size_t>(status.st_size) ? 1 : 65536));
    }
    const ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno != EINTR) {
      throw fail(last_error());
    }
    if (got == 0) {
      break;
    }
    have += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  bytes.resize(have);
  return bytes;
}

std::string read_text(const fs::path& path, std::size_t most) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  std::string text = read_file(path, most);
  return text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text;
}

int remove_stale_temporaries(const fs::path& folder) {
  int removed = 0;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    const pid_t pid = writer_of(it->path().filename().string());
    const bool stale = pid == ::getpid() || (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH);
    if (stale && ::unlink(it->path().c_str()) == 0) {
      ++removed;
    }
  }
  return removed;
}

}  // namespace darts
