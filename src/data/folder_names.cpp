#include "folder_names.hpp"

#include <darts/core/error.hpp>

#include <algorithm>
#include <cctype>
#include <system_error>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

template <typename Predicate>
std::vector<std::string> names_in(const fs::path& folder, Predicate wanted) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(".") && wanted(*it)) {
      names.push_back(name);
    }
  }
  if (failure) {
    throw Error("cannot read the folder " + folder.string() + ": " + failure.message());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_image(const fs::directory_entry& entry) {
  std::string extension = entry.path().extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return (extension == ".jpg" || extension == ".jpeg" || extension == ".png") &&
         entry.is_regular_file();
}

}  // namespace

std::vector<std::string> folders_in(const fs::path& folder) {
  return names_in(folder, [](const auto& entry) { return entry.is_directory(); });
}

std::vector<std::string> images_in(const fs::path& folder) { return names_in(folder, is_image); }

}  // namespace darts::detail
