#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace darts {

/// Files that come with the project.
enum class ResourceKind {
  search_config,  ///< recipes of searches: configs/search/NAME.yaml
  train_config,   ///< recipes of trainings: configs/train/NAME.yaml
  genotype,       ///< built-in genotypes: configs/genotypes/NAME.json
};

/// From where the folders of the project's own files are found.
struct ResourcePlaces {
  /// A folder to use as `configs` before all others (DARTS_CONFIG_DIR); empty for none.
  std::filesystem::path config_dir;
  /// The running program: an installation's folder is ../share/darts/configs from it, a source
  /// tree's is `configs` in one of the folders above it. Empty for unknown.
  std::filesystem::path program;

  /// DARTS_CONFIG_DIR and /proc/self/exe.
  static ResourcePlaces of_this_process();
};

/// The folders of a kind, first choice first: config_dir's (whether it exists or not), the
/// installation's and the source tree's (where they exist).
std::vector<std::filesystem::path> resource_folders(ResourceKind kind,
                                                    const ResourcePlaces& places);

/// Names of everything in the folders of a kind, without the extension, sorted, each once.
std::vector<std::string> resource_names(
    ResourceKind kind, const ResourcePlaces& places = ResourcePlaces::of_this_process());

/// Finds a file: as given, then in the folders of its kind, each time also with the kind's
/// extension added ("cifar10" is configs/search/cifar10.yaml). Throws Error that says what was
/// tried and which names there are.
std::filesystem::path find_resource(
    ResourceKind kind, const std::string& name,
    const ResourcePlaces& places = ResourcePlaces::of_this_process());

}  // namespace darts
