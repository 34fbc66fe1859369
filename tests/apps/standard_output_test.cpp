// What the programs do when standard output fails, or its reader has left.
#include "apps/run_fixture.hpp"
#include "support/test_paths.hpp"

#include <sys/wait.h>

#include <cstdlib>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StandardOutput : public SearchFixture {
 protected:
  /// The exit status of a shell command; PROGRAM in it is darts_search, errors go to a file.
  int shell(std::string command) const {
    const std::string program = (programs_folder() / "darts_search").string();
    for (std::size_t at = 0; (at = command.find("PROGRAM", at)) != std::string::npos;) {
      command.replace(at, 7, program);
    }
    const std::string all = "(" + command + ") 2>" + at("errors").string();
    const int status = std::system(all.c_str());  // NOLINT(concurrency-mt-unsafe)
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string errors() const { return bytes_of(at("errors")); }
};

TEST_F(StandardOutput, ThatIsFullIsAnError) {
  for (const char* option : {"--help-config", "--config-reference"}) {
    EXPECT_EQ(shell(std::string("PROGRAM ") + option + " > /dev/full"), 1) << option;
    EXPECT_THAT(errors(), HasSubstr("error: cannot write to standard output")) << option;
  }
}

TEST_F(StandardOutput, WhoseReaderLeavesIsNone) {
  shell("PROGRAM --help-config | head -1 > /dev/null");
  EXPECT_EQ(errors(), "");
}

TEST_F(StandardOutput, WhoseReaderLeavesDoesNotEndARun) {
  const std::string run = "PROGRAM --config " + recipe_file().string();
  EXPECT_EQ(
      shell("{ " + run + "; echo $? > " + at("status").string() + "; } | head -1 > /dev/null"), 0);
  EXPECT_EQ(bytes_of(at("status")), "0\n");
  const fs::path directory = fs::directory_iterator(runs())->path();
  EXPECT_TRUE(fs::exists(directory / "genotype.json"));
  EXPECT_THAT(bytes_of(directory / "log.txt"), HasSubstr("epoch 2/2"));
}

}  // namespace
}  // namespace darts::testing
