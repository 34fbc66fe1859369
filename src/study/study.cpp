#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/core/yaml_lines.hpp>
#include <darts/run/load_config.hpp>
#include <darts/study/study.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace darts {
namespace {

namespace fs = std::filesystem;

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
std::string found_beside(const fs::path& study, const std::string& given) {
  std::error_code ignored;
  const fs::path beside = study.parent_path() / given;
  return fs::is_regular_file(beside, ignored) ? beside.string() : given;
}

/// What is before the first dot, and what is after it.
std::pair<std::string_view, std::string_view> parted(std::string_view key) {
  const std::size_t dot = key.find('.');
  return {key.substr(0, dot), dot == std::string_view::npos ? "" : key.substr(dot + 1)};
}

/// What the study itself says for every run.
void refuse_own(std::string_view key, const std::string& where) {
  static const std::map<std::string_view, std::string_view> own{
      {"name", "runs are named after the searches"},
      {"seed", "seeds and training_seeds give it"},
      {"data.hold_out", "the study's hold_out gives it"},
      {"run.root", "the runs of a study lie in its own folder (--dir)"}};
  if (const auto found = own.find(key); found != own.end()) {
    throw Error(where + ": not in a study, whose " + std::string(found->second));
  }
}

/// A study's file, sorted into blocks.
class StudyFile {
 public:
  StudyFile(fs::path file, FieldTable& own) : file_(std::move(file)) {
    for (const YamlLine& line : read_yaml_lines(file_)) {
      const auto [first, rest] = parted(line.key);
      if (first == "every_search") {
        add(every_search_, line, rest);
      } else if (first == "training") {
        add(training_, line, rest);
      } else if (first == "searches") {
        add_search(line, rest);
      } else {
        own.set(line.key, line.value, where(line));
      }
    }
  }

  const fs::path& file() const { return file_; }
  const std::vector<std::pair<std::string, Block>>& searches() const { return searches_; }
  const Block& every_search() const { return every_search_; }
  const Block& training() const { return training_; }

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
    const fs::path found = within(where + ": extends", [&] {
      return find_resource(Config::recipes, found_beside(file_, recipe));
    });
    return load_config<Config>(found, change);
  }

 private:
  std::string where(const YamlLine& line) const {
    return file_.string() + ":" + std::to_string(line.line) + ": " + one_line(line.key);
  }

  void add(Block& block, const YamlLine& line, std::string_view key) const {
    if (line.is_section) {
      return;
    }
    if (key.empty()) {
      throw Error(where(line) + ": expected a section with keys beneath it, got " +
                  in_quotes(line.value));
    }
    refuse_own(key, where(line));
    if (key == "extends") {
      block.extends = line.value;
      block.where = file_.string() + ":" + std::to_string(line.line);
    } else {
      block.settings.push_back({std::string(key), line.value, where(line)});
    }
  }

  void add_search(const YamlLine& line, std::string_view rest) {
    const auto [name, key] = parted(rest);
    if (name.empty() && line.is_section) {
      return;
    }
    const auto same = [&name = name](const auto& search) { return search.first == name; };
    auto found = std::ranges::find_if(searches_, same);
    if (found == searches_.end()) {
      check_name(name, where(line));
      found = searches_.insert(searches_.end(), {std::string(name), Block()});
    }
    add(found->second, line, key);
  }

  /// It is a part of the names of files.
  static void check_name(std::string_view name, const std::string& where) {
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_' || c == '+';
    };
    if (name.empty() || name.front() == '-' || !std::ranges::all_of(name, fits) ||
        name == "random") {
      throw Error(where +
                  ": a search is named by letters, digits, -, _ and +, and not random, "
                  "which the drawn genotypes are called");
    }
  }

  fs::path file_;
  Block every_search_;
  Block training_;
  std::vector<std::pair<std::string, Block>> searches_;
};

FieldTable own_fields(Study& study, std::vector<std::string>& genotypes) {
  FieldTable table;
  table.add("name", study.name, "name of the study and of its folder");
  table.add("seeds", study.seeds, "seeds of every search", at_least(0));
  table.add("hold_out", study.hold_out,
            "training images that neither a search nor a training sees, by which all are ranked",
            at_least(1));
  table.add("random", study.random,
            "genotypes drawn at random from the space of every_search, as rivals",
            between(0, 10'000));
  table.add("genotypes", genotypes, "given genotypes: files, or built-in names");
  table.add("training_seeds", study.training_seeds, "seeds of every genotype's trainings",
            at_least(0));
  return table;
}

void check_different(const std::vector<std::int64_t>& seeds, const std::string& where) {
  if (std::set(seeds.begin(), seeds.end()).size() < seeds.size()) {
    throw Error(where + ": a seed is given twice");
  }
}

/// Of each config, what is checked when a run is made.
void check_runs(const Study& study, const fs::path& file) {
  for (const StudySearch& search : study.searches) {
    within(file.string() + ": searches." + search.name, [&] {
      search_method(search.config);
      first_stage(search.config);
    });
  }
}

Genotype named_genotype(const std::string& given, const fs::path& file) {
  Genotype genotype = load_genotype(found_beside(file, given));
  genotype.name = fs::path(given).stem().string();
  return genotype;
}

}  // namespace

Study load_study(const fs::path& file) {
  Study study;
  std::vector<std::string> genotypes;
  FieldTable own = own_fields(study, genotypes);
  const StudyFile read(file, own);
  if (study.hold_out == 0) {
    throw Error(file.string() +
                ": hold_out is missing: say how many training images are kept for ranking");
  }
  check_different(study.seeds, file.string() + ": seeds");
  check_different(study.training_seeds, file.string() + ": training_seeds");
  const std::vector<Setting> defaults{{"data.hold_out", std::to_string(study.hold_out), ""},
                                      {"run.keep_checkpoints", "1", ""}};
  for (const auto& [name, block] : read.searches()) {
    study.searches.push_back(
        {name, read.load<SearchConfig>({&read.every_search(), &block}, defaults)});
  }
  study.random_space = search_space(read.load<SearchConfig>({&read.every_search()}, defaults));
  study.training = read.load<TrainConfig>({&read.training()}, defaults);
  if (study.training.train.max_hours > 0.0) {
    throw Error(file.string() +
                ": training: train.max_hours would end trainings at unequal epochs; leave it out "
                "(a study may be stopped at any time and goes on)");
  }
  for (const std::string& given : genotypes) {
    study.genotypes.push_back(
        within(file.string() + ": genotypes", [&] { return named_genotype(given, file); }));
  }
  if (study.searches.empty() && study.random == 0 && study.genotypes.empty()) {
    throw Error(file.string() + ": there is nothing to compare: searches, random or genotypes");
  }
  check_runs(study, file);
  return study;
}

std::string study_format() {
  Study study;
  std::vector<std::string> genotypes;
  return "A study is a YAML file:\n\n" + own_fields(study, genotypes).help() +
         "\n"
         "every_search:   settings of all searches, keys as in a recipe of a search\n"
         "searches:       a section for each, by its name, with settings of its own\n"
         "training:       settings of all trainings, keys as in a recipe of a training\n"
         "  extends: NAME in such a section: the recipe that its settings change\n\n"
         "For example:\n\n"
         "  name: first-or-second\n"
         "  hold_out: 5000\n"
         "  seeds: [0, 1, 2]\n"
         "  random: 8\n"
         "  every_search: {extends: cifar10, search: {epochs: 25}}\n"
         "  searches:\n"
         "    first: {search: {order: first}}\n"
         "    pc-darts: {extends: pc_darts}\n"
         "  training: {extends: cifar10_hour}\n"
         "  training_seeds: [0, 1]\n";
}

}  // namespace darts
