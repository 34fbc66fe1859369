#include "study_file.hpp"

#include <darts/cell/topology.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/optimizer_limits.hpp>
#include <darts/core/text.hpp>
#include <darts/core/utf8.hpp>
#include <darts/run/run_name.hpp>
#include <darts/study/study.hpp>

#include <algorithm>
#include <set>

namespace darts {
namespace {

namespace fs = std::filesystem;

FieldTable own_fields(Study& study, std::vector<std::string>& genotypes) {
  FieldTable table;
  table.add("name", study.name, "name of the study and of its folder");
  table.add("seeds", study.seeds, "seeds of every search", at_least(0));
  table.add("hold_out", study.hold_out,
            "required: training images that neither a search nor a training sees, by which all are "
            "ranked",
            at_least(1));
  table.add("random", study.random,
            "genotypes drawn at random, as rivals, from the searches' space; where these have "
            "several, from every_search's",
            between(0, 10'000));
  table.add("genotypes", genotypes,
            "given genotypes: files, FILE:NAME, run directories, or "
            "built-in names");
  table.add("training_seeds", study.training_seeds, "seeds of every genotype's trainings",
            at_least(0));
  return table;
}

void check_different(const std::vector<std::int64_t>& seeds, const std::string& where) {
  if (std::set(seeds.begin(), seeds.end()).size() < seeds.size()) {
    throw Error(where + ": a seed is given twice");
  }
}

/// What an edge can have in a genotype.
std::set<std::string> choices_of(const std::vector<Primitive>& offered) {
  std::set<std::string> names;
  for (const Primitive& primitive : offered) {
    if (primitive.kind() != PrimitiveKind::none) {
      names.emplace(primitive.name());
    }
  }
  return names;
}

/// Whether they have the same genotypes, but for what a cap on skip connections leaves out.
bool same_genotypes(const SearchSpace& a, const SearchSpace& b) {
  if (a.nodes != b.nodes) {
    return false;
  }
  for (std::int64_t node = 0; node < a.nodes; ++node) {
    if (a.kept_edges(node) != b.kept_edges(node)) {
      return false;
    }
  }
  for (const CellType type : cell_types) {
    for (std::int64_t edge = 0; edge < edge_count(a.nodes); ++edge) {
      if (choices_of(a.primitives.of(type).of(edge)) !=
          choices_of(b.primitives.of(type).of(edge))) {
        return false;
      }
    }
  }
  return true;
}

/// The searches' space where they have the same one, else that of every_search, whose cap on skip
/// connections it has either way.
SearchSpace space_of_all(const Study& study, const SearchConfig& every_search) {
  const SearchSpace common = search_space(every_search);
  if (study.searches.empty()) {
    return common;
  }
  SearchSpace own = search_space(study.searches.front().config);
  own.most_skips = common.most_skips;
  const bool same = std::ranges::all_of(study.searches, [&](const StudySearch& search) {
    return same_genotypes(search_space(search.config), own);
  });
  return same && !same_genotypes(own, common) ? own : common;
}

/// Of each config, the settings that have no effect, and data sets that differ.
void warn_of_configs(Study& study) {
  const auto add = [&study](const std::string& block, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      study.warnings.push_back(block + ": " + line);
    }
  };
  for (const StudySearch& search : study.searches) {
    add("searches." + search.name, idle_settings(search.config, at::kCPU));
    const std::string& own = search.config.data.set.name;
    if (own != study.training.data.set.name) {
      add("searches." + search.name,
          {"its data set is " + own + ", the trainings' is " + study.training.data.set.name});
    }
    if (study.random > 0 && !same_genotypes(search_space(search.config), study.random_space)) {
      add("searches." + search.name,
          {"its space is not the one that the random genotypes are drawn from, every_search's"});
    }
  }
  add("training", idle_settings(study.training, at::kCPU));
}

/// Of each config, what is checked when a run is made.
void check_runs(const Study& study, const fs::path& file) {
  for (const StudySearch& search : study.searches) {
    within(file.string() + ": searches." + search.name, [&] {
      search_method(search.config);
      first_stage(search.config);
      check_schedule_falls(search.config.w.learning_rate, search.config.w.learning_rate_min);
    });
  }
  within(file.string() + ": training", [&] {
    const LearningRateOptions& rate = study.training.w.learning_rate;
    check_schedule_falls(rate.start, rate.minimum);
  });
}

/// What a given genotype is called: as its run directory, as NAME of FILE:NAME, as its file.
std::string name_of(const std::string& given) {
  const fs::path path = fs::absolute(given).lexically_normal();
  if (fs::is_directory(path)) {
    return as_utf8((path.has_filename() ? path : path.parent_path()).filename().string());
  }
  const std::size_t colon = fs::exists(path) ? std::string::npos : given.rfind(':');
  const std::string of_several = colon == std::string::npos ? "" : given.substr(colon + 1);
  return of_several.empty() ? as_utf8(fs::path(given.substr(0, colon)).stem().string())
                            : of_several;
}

Genotype named_genotype(const std::string& given, const fs::path& file) {
  const std::string found = genotype_beside(file, given);
  Genotype genotype = load_genotype(found);
  genotype.name = name_of(found);
  return genotype;
}

}  // namespace

Study load_study(const fs::path& file) {
  Study study;
  std::vector<std::string> genotypes;
  FieldTable own = own_fields(study, genotypes);
  const StudyFile read(file, own);
  if (!can_name_a_folder(study.name)) {
    throw Error(file.string() + ": name: " + in_quotes(study.name) +
                " cannot be the name of a folder; take a word without slashes that does not begin "
                "with a dot");
  }
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
    const auto overridden = read.overridden(name, block, defaults);
    study.warnings.insert(study.warnings.end(), overridden.begin(), overridden.end());
  }
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
  if (!read.has_training()) {
    throw Error(file.string() +
                ": training is missing: say how the genotypes are retrained, such as training: "
                "{extends: cifar10_hour}");
  }
  check_runs(study, file);
  study.random_space =
      space_of_all(study, read.load<SearchConfig>({&read.every_search()}, defaults));
  warn_of_configs(study);
  return study;
}

std::string study_format() {
  Study study;
  std::vector<std::string> genotypes;
  return "A study is a YAML file:\n\n" + own_fields(study, genotypes).help() +
         "\n"
         "every_search:   settings of all searches, keys as in a recipe of a search\n"
         "searches:       a section for each, by its name, with settings of its own\n"
         "training:       required: settings of all trainings, keys as in a recipe of a training\n"
         "  extends: NAME in such a section: the recipe that its settings change\n\n"
         "A search has the recipe that it names, else every_search's; then every_search's "
         "settings, also "
         "in\nplace of that recipe's, which a warning says; then its own.\n\n"
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
