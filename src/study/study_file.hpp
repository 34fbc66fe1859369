#pragma once

#include <darts/core/doing.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/yaml_lines.hpp>
#include <darts/run/load_config.hpp>
#include <darts/search/search_config.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace darts {

/// A setting of a study for one of its configs.
struct Setting {
  std::string key;
  std::string value;
  std::string where;  ///< "small.yaml:12: searches.first.space.cells"
};

/// The settings of one config: a block of the study's file.
struct Block {
  std::string where;
  std::string extends;  ///< recipe; empty: the defaults, which are the paper's
  std::vector<Setting> settings;
};

/// `given` as a file beside the study's, if there is one; else as it is, a name or a path.
std::string found_beside(const std::filesystem::path& study, const std::string& given);

/// The same of what names a genotype, which may be FILE:NAME or a run directory.
std::string genotype_beside(const std::filesystem::path& study, const std::string& given);

/// A study's file, sorted into blocks.
class StudyFile {
 public:
  /// Reads it; `own` takes the keys that are the study's own. Throws Error, which names file, line
  /// and key.
  StudyFile(std::filesystem::path file, FieldTable& own);

  const std::filesystem::path& file() const { return file_; }
  bool has_training() const { return !training_.where.empty() || !training_.settings.empty(); }
  const std::vector<std::pair<std::string, Block>>& searches() const { return searches_; }
  const Block& every_search() const { return every_search_; }
  const Block& training() const { return training_; }

  /// What of the recipe that a search names itself every_search changes, a line each.
  std::vector<std::string> overridden(const std::string& name, const Block& search,
                                      const std::vector<Setting>& defaults) const;

  /// A recipe by its name, or a file beside the study.
  template <class Config>
  Config load(const std::vector<const Block*>& blocks,
              const std::vector<Setting>& defaults = {}) const {
    std::string recipe;
    std::string where;
    for (const Block* block : blocks) {
      if (!block->extends.empty()) {
        recipe = block->extends;
        where = block->where;
      }
    }
    const auto change = [&](FieldTable& table) {
      for (const Setting& setting : defaults) {
        table.set(setting.key, setting.value);
      }
      for (const Block* block : blocks) {
        for (const Setting& setting : block->settings) {
          table.set(setting.key, setting.value, setting.where);
        }
      }
    };
    if (recipe.empty()) {
      Config config;
      FieldTable table = fields(config);
      change(table);
      return config;
    }
    const std::filesystem::path found = within(where + ": extends", [&] {
      return find_resource(Config::recipes, found_beside(file_, recipe));
    });
    return load_config<Config>(found, change);
  }

 private:
  std::string where(const YamlLine& line) const;
  void check_key(const YamlLine& line, const FieldTable& own) const;
  void add(Block& block, const YamlLine& line, std::string_view key) const;
  void add_search(const YamlLine& line, std::string_view rest);

  std::filesystem::path file_;
  Block every_search_;
  Block training_;
  std::vector<std::pair<std::string, Block>> searches_;
};

}  // namespace darts
