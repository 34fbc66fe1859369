#include <darts/core/absolute_path.hpp>
#include <darts/core/utf8.hpp>

#include <algorithm>
#include <system_error>

namespace darts {

std::filesystem::path absolute_path(const std::filesystem::path& path) {
  std::error_code failure;
  const std::filesystem::path absolute = std::filesystem::absolute(path, failure);
  if (path.empty() || failure || !is_utf8(absolute.string())) {
    return path;
  }
  // ".." is left to the file system: what is before it may be a link.
  return std::ranges::count(absolute, "..") > 0 ? absolute : absolute.lexically_normal();
}

}  // namespace darts
