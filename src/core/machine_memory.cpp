#include "control_groups.hpp"

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

Bytes limit_of_control_groups(const MemoryPlaces& places) {
  Bytes limit;
  for (const fs::path& group :
       detail::control_groups(places.proc / "self/cgroup", places.cgroup, "memory")) {
    for (const char* file : {"memory.max", "memory.limit_in_bytes"}) {
      limit = smaller(limit, number_in(group / file));
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
