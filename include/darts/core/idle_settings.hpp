#pragma once

#include <map>
#include <string>
#include <vector>

namespace darts {

/// What a dumped config (FieldTable::dump) says: the values' text by full key.
std::map<std::string, std::string> values_of_dump(const std::string& dump);

/// Settings that are without effect beside others.
struct IdleRule {
  std::vector<std::string> keys;
  bool idle = false;
  std::string why;  ///< "they are for data.dataset imagenet"
};

/// A line for each rule some of whose idle keys are set, which is to have another value than in
/// `defaults`, the dump of a config that says nothing: "data.hue has no effect: WHY".
std::vector<std::string> idle_settings(const std::string& dump, const std::string& defaults,
                                       const std::vector<IdleRule>& rules);

}  // namespace darts
