#pragma once

#include <string_view>

namespace darts {

/// Whether a run or a study, whose folder is called so, may have this name.
inline bool can_name_a_folder(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos;
}

}  // namespace darts
