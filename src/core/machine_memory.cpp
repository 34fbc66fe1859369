#include <darts/core/machine_memory.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace darts {
namespace {

namespace fs = std::filesystem;

using Bytes = std::optional<std::uint64_t>;

/// "MemTotal:  24684084 kB" → bytes; nothing where there is no such line.
Bytes entry_of(const fs::path& file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string word; lines >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == name + ":" && lines >> kilobytes) {
      return kilobytes * 1024;
    }
  }
  return std::nullopt;
}

/// The number that a file holds; nothing for "max", or without the file.
Bytes number_in(const fs::path& file) {
  std::ifstream text(file);
  std::uint64_t number = 0;
  return text >> number ? Bytes(number) : std::nullopt;
}

Bytes smaller(const Bytes& a, const Bytes& b) { return a && b ? std::min(*a, *b) : (a ? a : b); }

/// The least limit of the group `path` below `root` and of all around it.
Bytes limit_of_groups(const fs::path& root, const fs::path& path, const char* file) {
  Bytes limit;
  for (fs::path group = root / path.relative_path();; group = group.parent_path()) {
    limit = smaller(limit, number_in(group / file));
    if (group == root || group == group.parent_path()) {
      return limit;
    }
  }
}

/// /proc/self/cgroup has lines such as "0::/user.slice" (version 2) and "4:memory:/user" (version
/// 1).
Bytes limit_of_control_groups(const MemoryPlaces& places) {
  Bytes limit;
  std::ifstream lines(places.proc / "self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string kind = line.substr(first + 1, second - first - 1);
    const fs::path path = line.substr(second + 1);
    if (kind.empty()) {
      limit = smaller(limit, limit_of_groups(places.cgroup, path, "memory.max"));
    } else if (kind == "memory") {
      limit =
          smaller(limit, limit_of_groups(places.cgroup / "memory", path, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

Bytes limit_of_address_space() {
  rlimit limit{};
  const bool limited = ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return limited ? Bytes(limit.rlim_cur) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> machine_memory(const MemoryPlaces& places) {
  const fs::path info = places.proc / "meminfo";
  // A group's limit leaves swap out.
  const std::uint64_t swap = entry_of(info, "SwapTotal").value_or(0);
  Bytes memory = smaller(entry_of(info, "MemTotal"), limit_of_control_groups(places));
  if (memory) {
    *memory += swap;
  }
  return smaller(memory, limit_of_address_space());
}

}  // namespace darts
