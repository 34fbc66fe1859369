#include "fuzz/target.hpp"

#include <darts/core/atomic_file.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace darts::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path source(DARTS_SOURCE_DIR);
const fs::path corpora = source / "tests" / "fuzz" / "corpus";

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

/// The inputs of a target's own corpus, and those that other tests have.
std::vector<fs::path> inputs_of(const Target& target) {
  std::vector<fs::path> files = files_in(corpora / target.name);
  for (const std::string_view folder : target.inputs) {
    for (const fs::path& file : files_in(source / folder)) {
      files.push_back(file);
    }
  }
  return files;
}

class FuzzTarget : public ::testing::TestWithParam<Target> {};

TEST_P(FuzzTarget, ReplaysItsCorpus) {
  const std::vector<fs::path> files = inputs_of(GetParam());
  EXPECT_GE(files.size(), 3U);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file);
    EXPECT_NO_THROW(GetParam().run(read_file(file)));
  }
}

/// What is cut off and what is damaged, of every input.
TEST_P(FuzzTarget, SurvivesPartsOfItsCorpus) {
  for (const fs::path& file : inputs_of(GetParam())) {
    SCOPED_TRACE(file);
    const std::string whole = read_file(file);
    const std::size_t stride = std::max<std::size_t>(whole.size() / 8, 1);
    for (std::size_t size = 0; size < whole.size(); size += stride) {
      EXPECT_NO_THROW(GetParam().run(std::string_view(whole).substr(0, size)));
      std::string damaged = whole;
      damaged[size] = static_cast<char>(~damaged[size]);
      EXPECT_NO_THROW(GetParam().run(damaged));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FuzzTarget, ::testing::ValuesIn(targets()),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(FuzzTargets, EveryCorpusIsOfATarget) {
  std::set<std::string> names;
  for (const Target& target : targets()) {
    names.emplace(target.name);
  }
  std::set<std::string> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(corpora)) {
    if (entry.is_directory()) {
      folders.insert(entry.path().filename().string());
    }
  }
  EXPECT_EQ(folders, names);
}

/// A target that lets everything pass would find nothing.
TEST(FuzzTargets, OtherExceptionsThanARefusalAreFindings) {
  EXPECT_FALSE(takes([] { throw Error("refused"); }));
  EXPECT_TRUE(takes([] {}));
  EXPECT_THROW(takes([] { throw std::out_of_range("at"); }), std::out_of_range);
  EXPECT_THROW(takes([] { throw Error("two\nlines"); }), std::logic_error);
  EXPECT_THROW(takes([] { throw Error(""); }), std::logic_error);
  EXPECT_THROW(takes<std::runtime_error>([] { throw Error("derived"); }), Error);
}

}  // namespace
}  // namespace darts::fuzz
