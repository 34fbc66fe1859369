#include "control_groups.hpp"

#include <darts/core/processors.hpp>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
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

}  // namespace

double granted_processors(const fs::path& of, const fs::path& root) {
  double least = 0.0;
  for (const fs::path& group : detail::control_groups(of, root, "cpu")) {
    for (const double granted : {granted_by_version_2(group), granted_by_version_1(group)}) {
      if (granted > 0.0) {
        least = least > 0.0 ? std::min(least, granted) : granted;
      }
    }
  }
  return least;
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
