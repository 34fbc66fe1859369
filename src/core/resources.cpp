#include <darts/core/error.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <system_error>

namespace darts {
namespace {

namespace fs = std::filesystem;

struct KindRow {
  ResourceKind kind;
  const char* folder;
  const char* extension;
  const char* word;
  const char* program;  ///< what a file of this kind is given to; empty for any of them
};

constexpr KindRow kind_rows[] = {
    {ResourceKind::search_config, "search", ".yaml", "search recipe", "darts_search"},
    {ResourceKind::train_config, "train", ".yaml", "training recipe", "darts_train"},
    {ResourceKind::genotype, "genotypes", ".json", "genotype", ""},
};

const KindRow& row_of(ResourceKind kind) {
  for (const KindRow& row : kind_rows) {
    if (row.kind == kind) {
      return row;
    }
  }
  throw std::logic_error("resource kind without a row in kind_rows");
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// Anything that can be read, pipes such as /dev/fd/63 included.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !is_folder(path);
}

/// `configs/<folder>` in the nearest folder above `program` that has it; empty for none.
fs::path in_source_tree(const fs::path& program, const char* folder) {
  for (fs::path above = program.parent_path(); !above.empty(); above = above.parent_path()) {
    fs::path candidate = above / "configs" / folder;
    if (is_folder(candidate)) {
      return candidate;
    }
    if (above == above.parent_path()) {
      break;
    }
  }
  return {};
}

/// Whether a file lies in one of the folders of a kind.
bool is_among(const fs::path& file, const KindRow& row, const ResourcePlaces& places) {
  const std::vector<fs::path> folders = resource_folders(row.kind, places);
  return std::ranges::any_of(folders, [&](const fs::path& folder) {
    std::error_code ignored;
    return fs::equivalent(folder, file.parent_path(), ignored);
  });
}

/// "a training recipe, which darts_train takes" for the first other kind of recipes of which
/// `holds` is true; empty for none.
template <class Holds>
std::string of_another_program(const KindRow& own, const Holds& holds) {
  for (const KindRow& row : kind_rows) {
    if (row.kind != own.kind && std::string_view(row.extension) == own.extension && holds(row)) {
      return std::string("a ") + row.word + ", which " + row.program + " takes";
    }
  }
  return "";
}

/// Throws Error if the file is one of another kind: its keys would all be called unknown.
void check_kind(const fs::path& file, const KindRow& own, const ResourcePlaces& places) {
  const std::string other = of_another_program(own, [&](const KindRow& row) {
    return is_among(file, row, places) && !is_among(file, own, places);
  });
  if (!other.empty()) {
    throw Error(file.string() + " is " + other + "; a " + own.word + " is expected here");
  }
}

/// Where `name` is looked for, in order.
std::vector<fs::path> candidates(const KindRow& row, const std::string& name,
                                 const ResourcePlaces& places) {
  std::vector<fs::path> folders = {""};
  if (!fs::path(name).is_absolute()) {
    const auto own = resource_folders(row.kind, places);
    folders.insert(folders.end(), own.begin(), own.end());
  }
  std::vector<fs::path> paths;
  for (const fs::path& folder : folders) {
    paths.push_back(folder / name);
    if (!name.ends_with(row.extension)) {
      paths.push_back(folder / (name + row.extension));
    }
  }
  return paths;
}

}  // namespace

ResourcePlaces ResourcePlaces::of_this_process() {
  ResourcePlaces places;
  if (const char* folder = std::getenv("DARTS_CONFIG_DIR"); folder != nullptr) {
    places.config_dir = folder;
  }
  std::error_code ignored;
  places.program = fs::read_symlink("/proc/self/exe", ignored);
  return places;
}

std::vector<fs::path> resource_folders(ResourceKind kind, const ResourcePlaces& places) {
  const char* folder = row_of(kind).folder;
  std::vector<fs::path> folders;
  if (!places.config_dir.empty()) {
    folders.push_back(places.config_dir / folder);
  }
  const fs::path prefix = places.program.parent_path().parent_path();
  if (const fs::path installed = prefix / "share" / "darts" / "configs" / folder;
      !places.program.empty() && is_folder(installed)) {
    folders.push_back(installed);
  }
  if (fs::path source = in_source_tree(places.program, folder); !source.empty()) {
    folders.push_back(std::move(source));
  }
  return folders;
}

std::vector<std::string> resource_names(ResourceKind kind, const ResourcePlaces& places) {
  std::set<std::string> names;
  for (const fs::path& folder : resource_folders(kind, places)) {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == row_of(kind).extension && is_file(entry.path())) {
        names.insert(entry.path().stem().string());
      }
    }
  }
  return {names.begin(), names.end()};
}

fs::path find_resource(ResourceKind kind, const std::string& name, const ResourcePlaces& places) {
  const KindRow& row = row_of(kind);
  std::vector<std::string> tried;
  for (const fs::path& candidate : candidates(row, name, places)) {
    if (is_file(candidate)) {
      check_kind(candidate, row, places);
      return candidate;
    }
    std::string words = candidate.string() + (is_folder(candidate) ? " (a directory)" : "");
    if (std::ranges::find(tried, words) == tried.end()) {  // two ways may lead to one folder
      tried.push_back(std::move(words));
    }
  }
  const std::vector<std::string> names = resource_names(kind, places);
  std::string message =
      std::string("no ") + row.word + " " + in_quotes(name) + "; tried " + join(tried) +
      "; available: " +
      (names.empty() ? "none (set DARTS_CONFIG_DIR to the folder configs)" : join(names));
  const std::string stem = name.ends_with(row.extension) ? fs::path(name).stem().string() : name;
  const std::string other = of_another_program(row, [&](const KindRow& of) {
    const std::vector<std::string> theirs = resource_names(of.kind, places);
    return std::ranges::find(theirs, stem) != theirs.end();
  });
  if (!other.empty()) {
    message += "; " + stem + " is " + other;
  } else if (const auto near = nearest(stem, names)) {
    message += "; did you mean " + *near + "?";
  }
  throw Error(message);
}

}  // namespace darts
