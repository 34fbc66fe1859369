#include "control_groups.hpp"

#include <fstream>
#include <string>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

void add_with_those_around(const fs::path& top, const fs::path& group,
                           std::vector<fs::path>& folders) {
  fs::path folder = (top / group.relative_path()).lexically_normal();
  folders.push_back(folder);
  while (folder != top && folder.has_relative_path()) {
    folder = folder.parent_path();
    folders.push_back(folder);
  }
}

}  // namespace

std::vector<fs::path> control_groups(const fs::path& of, const fs::path& root,
                                     std::string_view controller) {
  const std::string wanted = "," + std::string(controller) + ",";
  std::vector<fs::path> folders;
  std::ifstream lines(of);
  for (std::string line; std::getline(lines, line);) {
    // "0::/user.slice" of version 2, "4:cpu,cpuacct:/user" of version 1.
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) {
      add_with_those_around(root, group, folders);
    } else if (("," + controllers + ",").find(wanted) != std::string::npos) {
      add_with_those_around(root / controllers, group, folders);
      add_with_those_around(root / controller, group, folders);
    }
  }
  return folders;
}

}  // namespace darts::detail
