#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/core/resources.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

namespace darts {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::TemporaryFolder;
using testing::write_text;

constexpr auto search = ResourceKind::search_config;

TEST(Resources, FindsAFileAsGivenBeforeAllElse) {
  const TemporaryFolder folder;
  const fs::path own = write_text(folder / "cifar10.yaml");
  write_text(folder / "tree/configs/search/cifar10.yaml");
  const ResourcePlaces places{"", folder / "tree/build/release/bin/darts_search"};
  EXPECT_EQ(find_resource(search, own.string(), places), own);
  EXPECT_EQ(find_resource(search, (folder / "cifar10").string(), places), own);
}

TEST(Resources, FindsTheSourceTreeAboveTheProgram) {
  const TemporaryFolder folder;
  const fs::path recipe = write_text(folder / "tree/configs/search/cifar10.yaml");
  const ResourcePlaces places{"", folder / "tree/build/release/bin/darts_search"};
  EXPECT_EQ(find_resource(search, "cifar10.yaml", places), recipe);
  EXPECT_EQ(find_resource(search, "cifar10", places), recipe);
}

TEST(Resources, FindsTheInstallationBesideTheProgram) {
  const TemporaryFolder folder;
  const fs::path recipe = write_text(folder / "prefix/share/darts/configs/genotypes/DARTS_V2.json");
  const ResourcePlaces places{"", folder / "prefix/bin/darts_train"};
  EXPECT_EQ(find_resource(ResourceKind::genotype, "DARTS_V2", places), recipe);
}

TEST(Resources, TheEnvironmentsFolderComesBeforeTheProgramsOnes) {
  const TemporaryFolder folder;
  write_text(folder / "tree/configs/train/a.yaml");
  const fs::path other = write_text(folder / "tree/configs/train/b.yaml");
  const fs::path first = write_text(folder / "mine/train/a.yaml");
  const ResourcePlaces places{folder / "mine", folder / "tree/build/x/bin/p"};
  EXPECT_EQ(find_resource(ResourceKind::train_config, "a", places), first);
  EXPECT_EQ(find_resource(ResourceKind::train_config, "b", places), other);
}

TEST(Resources, AFolderIsNotAFile) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "mine/search/cifar10");
  const fs::path recipe = write_text(folder / "mine/search/cifar10.yaml");
  EXPECT_EQ(find_resource(search, "cifar10", {folder / "mine", ""}), recipe);
}

TEST(Resources, NamesAreSortedAndWithoutExtension) {
  const TemporaryFolder folder;
  write_text(folder / "mine/search/b.yaml");
  write_text(folder / "mine/search/a.yaml");
  write_text(folder / "mine/search/notes.txt");
  write_text(folder / "tree/configs/search/b.yaml");
  write_text(folder / "tree/configs/search/c.yaml");
  const ResourcePlaces places{folder / "mine", folder / "tree/bin/p"};
  EXPECT_EQ(resource_names(search, places), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(resource_names(search, ResourcePlaces{}).empty());
}

TEST(Resources, NotFoundNamesWhatWasTriedAndWhatThereIs) {
  const TemporaryFolder folder;
  const std::string mine = (folder / "mine").string();
  write_text(folder / "mine/search/cifar10.yaml");
  write_text(folder / "mine/search/fashion.yaml");
  const auto message = [&](const std::string& name) {
    return error_of([&] { find_resource(search, name, {mine, ""}); });
  };
  EXPECT_EQ(message("cifra10"),
            "no search recipe \"cifra10\"; tried cifra10, cifra10.yaml, " + mine +
                "/search/cifra10, " + mine +
                "/search/cifra10.yaml; available: cifar10, fashion; did you mean cifar10?");
  EXPECT_EQ(message("/nowhere/x.yaml"),
            "no search recipe \"/nowhere/x.yaml\"; tried /nowhere/x.yaml; available: cifar10, "
            "fashion");
  EXPECT_EQ(message(mine), "no search recipe \"" + mine + "\"; tried " + mine + " (a directory), " +
                               mine + ".yaml; available: cifar10, fashion");
  EXPECT_EQ(error_of([] { find_resource(ResourceKind::genotype, "X.json", {}); }),
            "no genotype \"X.json\"; tried X.json; available: none (set DARTS_CONFIG_DIR to the "
            "folder configs)");
}

TEST(Resources, TwoWaysToOneFolderAreToldOnce) {
  const TemporaryFolder folder;
  const std::string configs = (folder / "tree/configs").string();
  fs::create_directories(folder / "tree/configs/search");
  EXPECT_EQ(error_of([&] {
              find_resource(search, "a.yaml", {configs, folder / "tree/bin/darts_search"});
            }),
            "no search recipe \"a.yaml\"; tried a.yaml, " + configs +
                "/search/a.yaml; available: none (set DARTS_CONFIG_DIR to the folder configs)");
}

TEST(Resources, ARecipeOfAnotherProgramIsCalledSo) {
  const TemporaryFolder folder;
  const fs::path hour = write_text(folder / "mine/train/hour.yaml");
  write_text(folder / "mine/search/four.yaml");
  const ResourcePlaces places{folder / "mine", ""};
  const auto message = [&](const std::string& name) {
    return error_of([&] { find_resource(search, name, places); });
  };
  EXPECT_TRUE(message("hour.yaml")
                  .ends_with("available: four; hour is a training recipe, which darts_train takes"))
      << message("hour.yaml");
  EXPECT_EQ(message(hour.string()), hour.string() +
                                        " is a training recipe, which darts_train takes; a search "
                                        "recipe is expected here");
  EXPECT_EQ(find_resource(ResourceKind::train_config, hour.string(), places), hour);
}

TEST(Resources, ThisProcessFindsItsOwnSourceTree) {
  const char* before = std::getenv("DARTS_CONFIG_DIR");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("DARTS_CONFIG_DIR", "/somewhere", 1);
  const ResourcePlaces places = ResourcePlaces::of_this_process();
  EXPECT_EQ(places.config_dir, "/somewhere");
  EXPECT_EQ(places.program, fs::canonical("/proc/self/exe"));
  ::unsetenv("DARTS_CONFIG_DIR");
  EXPECT_TRUE(ResourcePlaces::of_this_process().config_dir.empty());
  if (before != nullptr) {
    ::setenv("DARTS_CONFIG_DIR", kept.c_str(), 1);
  }
}

}  // namespace
}  // namespace darts
