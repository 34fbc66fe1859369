#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace darts::detail {

/// Folders of the control groups that limit a process in what `controller` ("cpu", "memory")
/// counts: its own ones, and those around them up to the top. Of both versions, in whichever is
/// there; files of limits have other names in the one than in the other. `of` is a file as
/// /proc/self/cgroup, `root` one as /sys/fs/cgroup. Empty where nothing can be read.
std::vector<std::filesystem::path> control_groups(const std::filesystem::path& of,
                                                  const std::filesystem::path& root,
                                                  std::string_view controller);

}  // namespace darts::detail
