#pragma once

#include <darts/core/field_table.hpp>

#include <string>
#include <vector>

namespace darts::testing {

/// The defaults but for these assignments, "key=value".
template <class Config>
Config config_of(const std::vector<std::string>& assignments) {
  Config config;
  FieldTable table = fields(config);
  for (const std::string& assignment : assignments) {
    table.assign(assignment);
  }
  return config;
}

}  // namespace darts::testing
