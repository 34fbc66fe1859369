#include "fuzz/target.hpp"

#include "fuzz/parsers.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace darts::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> all{
      {"genotype", parse_genotype, {"tests/fixtures/genotypes", "configs/genotypes"}},
      {"config", parse_config, {"configs/search"}},
      {"setting", parse_setting, {}},
      {"checkpoint", parse_checkpoint, {}},
      {"records", parse_records, {}},
      {"idx", parse_idx, {}},
      {"cifar", parse_cifar, {}},
      {"image", parse_image, {"tests/fixtures/images", "tests/fixtures/photos"}},
      {"labels", parse_labels, {}},
      {"index", parse_index, {}},
  };
  return all;
}

const Target& find_target(std::string_view name) {
  const auto found = std::ranges::find(targets(), name, &Target::name);
  if (found == targets().end()) {
    std::string names;
    for (const Target& target : targets()) {
      names.append(" ").append(target.name);
    }
    throw Error("no fuzz target '" + std::string(name) + "'; there are:" + names);
  }
  return *found;
}

void check(bool holds, std::string_view what) {
  if (!holds) {
    throw std::logic_error(std::string(what));
  }
}

void check_message(std::string_view message) {
  check(!message.empty(), "a refusal says nothing");
  check(message.find('\n') == std::string_view::npos, "a refusal is more than one line");
}

}  // namespace darts::fuzz
