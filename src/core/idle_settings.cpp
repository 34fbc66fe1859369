#include <darts/core/idle_settings.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <sstream>

namespace darts {

std::map<std::string, std::string> values_of_dump(const std::string& dump) {
  // A key a line, two blanks before it for each section that it is in.
  std::map<std::string, std::string> values;
  std::istringstream lines(dump);
  std::vector<std::string> sections;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t colon = line.find(':');
    if (begin == std::string::npos || line[begin] == '#' || colon == std::string::npos) {
      continue;
    }
    const std::string key = line.substr(begin, colon - begin);
    const std::string value = colon + 2 < line.size() ? line.substr(colon + 2) : "";
    sections.resize(std::min(begin / 2, sections.size()));
    if (value.empty()) {
      sections.push_back(key + ".");
    } else {
      values[std::accumulate(sections.begin(), sections.end(), std::string()) + key] = value;
    }
  }
  return values;
}

std::vector<std::string> idle_settings(const std::string& dump, const std::string& defaults,
                                       const std::vector<IdleRule>& rules) {
  const auto now = values_of_dump(dump);
  const auto unset = values_of_dump(defaults);
  std::vector<std::string> lines;
  for (const IdleRule& rule : rules) {
    std::vector<std::string> set;
    std::ranges::copy_if(rule.keys, std::back_inserter(set), [&](const std::string& key) {
      return rule.idle && now.at(key) != unset.at(key);
    });
    if (!set.empty()) {
      lines.push_back(join(set) + (set.size() == 1 ? " has" : " have") + " no effect: " + rule.why);
    }
  }
  return lines;
}

}  // namespace darts
