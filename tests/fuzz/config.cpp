#include "fuzz/input_file.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <darts/search/search_config.hpp>

#include <algorithm>
#include <string>

namespace darts::fuzz {
namespace {

/// What was taken is what config.yaml keeps of it.
void check_written(const FieldTable& table) {
  const std::string text = table.dump();
  SearchConfig again;
  FieldTable fields_again = fields(again);
  fields_again.load_text(text, "written.yaml");
  check(fields_again.dump() == text, "a config is another one when it was written");
}

/// What a search makes of its config before it begins.
void use(const SearchConfig& config) {
  takes([&] {
    search_method(config);
    const SearchStage stage = first_stage(config);
    supernet_options(config, stage, 3, 10);
  });
  unused_method_settings(config);
  to_yaml(config);
}

}  // namespace

void parse_config(std::string_view bytes) {
  SearchConfig config;
  FieldTable table = fields(config);
  const auto file = input_file("input.yaml", bytes);
  if (takes([&] { table.load(file); })) {
    check_written(table);
    use(config);
  }
}

/// Each line is the value of a --set.
void parse_setting(std::string_view bytes) {
  SearchConfig config;
  FieldTable table = fields(config);
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
    takes([&] { table.assign(line); });
  }
  check_written(table);
  use(config);
}

}  // namespace darts::fuzz
