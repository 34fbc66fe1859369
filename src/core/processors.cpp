#include <darts/core/processors.hpp>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace darts {
namespace {

namespace fs = std::filesystem;

/// What sched_setattr(2) takes; the kernel's header has it, but not beside the C library's
/// <sched.h>.
struct SchedulingWish {
  std::uint32_t size = sizeof(SchedulingWish);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  ///< ns; of the ordinary policy: the time slice
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

/// Of cpu.max: "quota period" or "max period".
double granted_by_version_2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0.0;
  double period = 0.0;
  return file >> quota >> period && quota > 0.0 && period > 0.0 ? quota / period : 0.0;
}

double granted_by_version_1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  double quota = 0.0;
  double period = 0.0;
  return quota_file >> quota && period_file >> period && quota > 0.0 && period > 0.0
             ? quota / period
             : 0.0;
}

double smaller_limit(double a, double b) { return a <= 0.0 ? b : b <= 0.0 ? a : std::min(a, b); }

/// Of a group and those above it, up to and with `root`.
template <class Granted>
double least(fs::path group, const fs::path& root, const Granted& granted) {
  double limit = granted(group);
  while (group != root && group.has_relative_path()) {
    group = group.parent_path();
    limit = smaller_limit(limit, granted(group));
  }
  return limit;
}

fs::path below(const fs::path& root, const std::string& group) {
  return (root / fs::path(group).relative_path()).lexically_normal();
}

}  // namespace

double granted_processors(const fs::path& of, const fs::path& root) {
  std::ifstream file(of);
  double limit = 0.0;
  for (std::string line; std::getline(file, line);) {  // ID:CONTROLLERS:/GROUP
    std::istringstream parts(line);
    std::string id;
    std::string controllers;
    std::string group;
    std::getline(parts, id, ':');
    std::getline(parts, controllers, ':');
    std::getline(parts, group);
    if (controllers.empty()) {
      limit = smaller_limit(limit, least(below(root, group), root, granted_by_version_2));
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
      for (const fs::path& top : {root / controllers, root / "cpu"}) {
        limit = smaller_limit(limit, least(below(top, group), top, granted_by_version_1));
      }
    }
  }
  return limit;
}

int usable_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const int processors = ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0
                             ? CPU_COUNT(&allowed)
                             : static_cast<int>(std::thread::hardware_concurrency());
  const double granted = granted_processors();
  const int most = granted > 0.0 ? static_cast<int>(std::ceil(granted)) : processors;
  return std::max(1, std::min(processors, most));
}

void use_short_time_slices() {
  constexpr std::uint64_t shortest = 100'000;  // ns, that the system grants
  SchedulingWish wish;
  if (::syscall(SYS_sched_getattr, 0, &wish, sizeof(wish), 0U) == 0 && wish.policy == SCHED_OTHER) {
    wish.runtime = shortest;
    ::syscall(SYS_sched_setattr, 0, &wish, 0U);  // or it stays as it is
  }
}

}  // namespace darts
