#include "image_names.hpp"

#include <filesystem>

namespace darts::detail {
namespace {

/// Without the extension: the letters and figures from the last dot on.
std::string without_extension(const std::string& name) {
  const std::filesystem::path path(name);
  const std::string extension = path.extension().string();
  return extension.find_first_of(" ,\t") == std::string::npos
             ? std::filesystem::path(path).replace_extension().string()
             : name;
}

}  // namespace

ImageNames::ImageNames(const std::vector<std::string>& names) : names_(names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    whole_.emplace(names[i], i);
    by_stem_[without_extension(names[i])].push_back(i);
  }
}

ImageNames::Found ImageNames::find(const std::string& name) const {
  if (const auto found = whole_.find(name); found != whole_.end()) {
    return {found->second, ""};
  }
  for (const std::string& stem : {name, without_extension(name)}) {
    const auto found = by_stem_.find(stem);
    if (found == by_stem_.end()) {
      continue;
    }
    if (found->second.size() == 1) {
      return {found->second.front(), ""};
    }
    return {std::nullopt, names_[found->second[0]] + " or " + names_[found->second[1]]};
  }
  return {};
}

bool ImageNames::has(const std::string& name) const {
  const Found found = find(name);
  return found.index || !found.others.empty();
}

}  // namespace darts::detail
