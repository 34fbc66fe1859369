#pragma once

#include <filesystem>

namespace darts {

/// `path` as it is from every working directory; an empty one stays empty. Where the working
/// directory has a name that is not UTF-8, which no record could hold, a relative one stays as it
/// is.
std::filesystem::path absolute_path(const std::filesystem::path& path);

}  // namespace darts
