#include "study_file.hpp"

#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <map>
#include <system_error>

namespace darts {
namespace {

namespace fs = std::filesystem;

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

/// It is a part of the names of files.
void check_name(std::string_view name, const std::string& where) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '+';
  };
  if (name.empty() || name.front() == '-' || !std::ranges::all_of(name, fits) || name == "random") {
    throw Error(where +
                ": a search is named by letters, digits, -, _ and +, and not random, "
                "which the drawn genotypes are called");
  }
}

}  // namespace

std::string found_beside(const fs::path& study, const std::string& given) {
  std::error_code ignored;
  const fs::path beside = study.parent_path() / given;
  return fs::is_regular_file(beside, ignored) ? beside.string() : given;
}

std::string genotype_beside(const fs::path& study, const std::string& given) {
  std::error_code ignored;
  const fs::path beside = study.parent_path() / given;
  if (fs::exists(beside / "genotype.json", ignored)) {
    return beside.string();
  }
  const std::size_t colon = fs::exists(beside, ignored) ? std::string::npos : given.rfind(':');
  const std::string file = found_beside(study, given.substr(0, colon));
  return colon == std::string::npos ? file : file + given.substr(colon);
}

StudyFile::StudyFile(fs::path file, FieldTable& own) : file_(std::move(file)) {
  for (const YamlLine& line : read_yaml_lines(file_)) {
    const auto [first, rest] = parted(line.key);
    if (first == "every_search") {
      add(every_search_, line, rest);
    } else if (first == "training") {
      add(training_, line, rest);
    } else if (first == "searches") {
      add_search(line, rest);
    } else {
      check_key(line, own);
      own.set(line.key, line.value, where(line));
    }
  }
}

std::vector<std::string> StudyFile::overridden(const std::string& name, const Block& search,
                                               const std::vector<Setting>& defaults) const {
  std::vector<std::string> lines;
  if (search.extends.empty()) {
    return lines;
  }
  Block recipe_alone;
  recipe_alone.extends = search.extends;
  recipe_alone.where = search.where;
  Block recipe_of_all = every_search_;
  recipe_of_all.settings.clear();
  auto own = load<SearchConfig>({&recipe_alone}, defaults);
  auto of_all = load<SearchConfig>({&recipe_of_all}, defaults);
  auto now = load<SearchConfig>({&every_search_}, defaults);
  const auto value = [](SearchConfig& config, const std::string& key) {
    return fields(config).value(key);
  };
  for (const Setting& setting : every_search_.settings) {
    const std::string before = value(own, setting.key);
    const bool of_recipe = before != value(of_all, setting.key);
    const bool own_word =
        std::ranges::find(search.settings, setting.key, &Setting::key) != search.settings.end();
    if (of_recipe && !own_word && before != value(now, setting.key)) {
      lines.push_back("searches." + name + ": every_search's " + setting.key + ", " +
                      value(now, setting.key) + ", stands in place of its recipe's (" +
                      search.extends + "), " + before);
    }
  }
  return lines;
}

std::string StudyFile::where(const YamlLine& line) const {
  return file_.string() + ":" + std::to_string(line.line) + ": " + one_line(line.key);
}

void StudyFile::check_key(const YamlLine& line, const FieldTable& own) const {
  std::vector<std::string> known = own.keys();
  if (std::ranges::find(known, line.key) != known.end()) {
    return;
  }
  known.insert(known.end(), {"every_search", "searches", "training"});
  const auto near = nearest(line.key, known);
  throw Error(where(line) + ": unknown key; " +
              (near ? "did you mean " + *near + "?"
                    : "darts_select --help-study says what a study's file holds"));
}

void StudyFile::add(Block& block, const YamlLine& line, std::string_view key) const {
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

void StudyFile::add_search(const YamlLine& line, std::string_view rest) {
  const auto [name, key] = parted(rest);
  if (name.empty() && line.is_section) {
    return;
  }
  if (name.empty()) {
    throw Error(where(line) + ": expected a section for each search, NAME: {…}, got " +
                in_quotes(line.value));
  }
  const auto same = [&name = name](const auto& search) { return search.first == name; };
  auto found = std::ranges::find_if(searches_, same);
  if (found == searches_.end()) {
    check_name(name, where(line));
    found = searches_.insert(searches_.end(), {std::string(name), Block()});
  }
  add(found->second, line, key);
}

}  // namespace darts
