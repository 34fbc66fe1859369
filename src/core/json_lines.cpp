#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/posix_file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace darts {
namespace {

Error cannot_write(const std::filesystem::path& file, int error) {
  return Error("cannot write " + file.string() + ": " + detail::reason_of(error));
}

/// Where the last whole line ends, looking backwards from `size`; -1 on an error (see errno).
std::int64_t end_of_last_line(int fd, std::int64_t size) {
  std::array<char, 4096> block{};
  while (size > 0) {
    const std::size_t count = std::min(static_cast<std::size_t>(size), block.size());
    const auto begin = size - static_cast<std::int64_t>(count);
    if (::pread(fd, block.data(), count, begin) != static_cast<ssize_t>(count)) {
      return -1;
    }
    const auto at = std::string_view(block.data(), count).rfind('\n');
    if (at != std::string_view::npos) {
      return begin + static_cast<std::int64_t>(at) + 1;
    }
    size = begin;
  }
  return 0;
}

/// The JSON object that a line is.
std::optional<nlohmann::json> object_of(std::string_view line) {
  try {
    auto record = parse_json<nlohmann::json>(line);
    return record.is_object() ? std::optional(std::move(record)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

JsonLines::JsonLines(std::filesystem::path file)
    : file_(std::move(file)),
      descriptor_(::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (!descriptor_.valid()) {
    throw cannot_write(file_, errno);
  }
  const std::int64_t size = ::lseek(descriptor_.get(), 0, SEEK_END);
  size_ = size < 0 ? -1 : end_of_last_line(descriptor_.get(), size);
  if (size_ < 0 || (size_ < size && ::ftruncate(descriptor_.get(), size_) != 0)) {
    throw cannot_write(file_, errno);
  }
}

void JsonLines::append(const nlohmann::json& record) {
  if (!record.is_object()) {
    throw std::logic_error("JsonLines takes JSON objects only");
  }
  std::string line = record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  line += '\n';
  if (const int error = file_.empty() ? 0 : detail::write_all(descriptor_.get(), line)) {
    // A part of the line may have been written; if it cannot be taken away, readers skip it.
    [[maybe_unused]] const int ignored = ::ftruncate(descriptor_.get(), size_);
    throw cannot_write(file_, error);
  }
  size_ += static_cast<std::int64_t>(line.size());
}

void JsonLines::truncate(std::int64_t size) {
  if (file_.empty()) {
    size_ = size;
    return;
  }
  if (size < 0 || size > size_) {
    throw Error(file_.string() + " is shorter (" + std::to_string(size_) +
                " bytes) than when the checkpoint was written (" + std::to_string(size) +
                "); restore the file or start a new run");
  }
  if (::ftruncate(descriptor_.get(), size) != 0) {
    throw cannot_write(file_, errno);
  }
  size_ = size;
}

void JsonLines::sync() {
  if (const int error = file_.empty() ? 0 : detail::sync(descriptor_.get())) {
    throw cannot_write(file_, error);
  }
}

std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  std::vector<nlohmann::json> records;
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    if (auto record = object_of(line)) {
      records.push_back(*std::move(record));
    } else if (end != std::string_view::npos) {
      throw Error(file.string() + ":" + std::to_string(number) +
                  ": this line is no JSON object; remove or mend it");
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return records;
}

}  // namespace darts
