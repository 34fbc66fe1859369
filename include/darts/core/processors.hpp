#pragma once

#include <filesystem>

namespace darts {

/// How many threads can run at once: processors that this process may use (its affinity), no more
/// than its control groups grant it time for, rounded up.
int usable_processors();

/// The time that the control group of a process and those above it grant, in processors; 0: no
/// limit. Of version 2 (cpu.max) and version 1 (cpu.cfs_quota_us), below `root`; `of` is a file as
/// /proc/self/cgroup.
double granted_processors(const std::filesystem::path& of = "/proc/self/cgroup",
                          const std::filesystem::path& root = "/sys/fs/cgroup");

/// Asks for short time slices for the calling thread and those that it starts: beside other work
/// they run as long as before in all, but sooner after they have waited for each other. Without
/// effect where the system has no such wish (Linux before 6.12).
void use_short_time_slices();

}  // namespace darts
