// Memory that does not suffice is said before it is asked for, or else with what it was for.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"

#include <filesystem>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Each of them in its range.
const std::vector<std::string> huge_supernet{"space.cells=1000", "space.nodes=32",
                                             "space.channels=4096"};
const std::vector<std::string> huge_network{"network.cells=1000", "network.channels=4096"};

class MemoryOfASearch : public SearchFixture {};

TEST_F(MemoryOfASearch, BeyondTheMachineIsRefusedAtOnce) {
  EXPECT_THAT(error_of(recipe(huge_supernet)),
              AllOf(StartsWith("error: the search needs at least "), HasSubstr("the machine has "),
                    HasSubstr("; lower search.batch_size, space.channels, space.cells")));
  EXPECT_TRUE(!fs::exists(runs()) || fs::is_empty(runs()));
}

TEST_F(MemoryOfASearch, IsEstimatedByADryRun) {
  Arguments arguments = recipe();
  arguments.emplace_back("--dry-run");
  EXPECT_EQ(lines_with(run(arguments).out, "memory: at least ").size(), 1U);
  arguments = recipe(huge_supernet);
  arguments.emplace_back("--dry-run");
  const ProgramResult refused = run(arguments);
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(lines_with(refused.out, "memory: at least ").size(), 1U) << refused.out;
  EXPECT_THAT(refused.err, StartsWith("error: the search needs at least "));
}

/// Some 3 GiB, of which the program may have one.
TEST_F(MemoryOfASearch, ThatCannotBeHadAllTheSameIsSaidWithWhatItWasFor) {
  const ProgramResult result =
      run(recipe({"space.channels=256", "space.cells=8", "space.nodes=2", "search.batch_size=24"}),
          {.memory = std::uint64_t{1} << 30U});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AllOf(StartsWith("error: out of memory: cannot "),
                                HasSubstr("8 cells of 2 nodes, 256 channels"),
                                HasSubstr("lower search.batch_size")));
}

class MemoryOfATraining : public TrainFixture {};

TEST_F(MemoryOfATraining, BeyondTheMachineIsRefusedAtOnce) {
  EXPECT_THAT(error_of(recipe(huge_network)),
              AllOf(StartsWith("error: the training needs at least "),
                    HasSubstr("; lower train.batch_size, network.channels or network.cells")));
  EXPECT_TRUE(!fs::exists(runs()) || fs::is_empty(runs()));
}

TEST_F(MemoryOfATraining, AlsoOfANetworkThatIsOnlyCounted) {
  Arguments arguments{"--count", genotype_file()};
  for (const std::string& setting : huge_network) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  const ProgramResult result = Program("darts_eval", arguments, at("eval_output")).wait();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, StartsWith("error: the network needs at least "));
}

TEST_F(MemoryOfATraining, OfMoreNodesThanMakeSenseIsRefused) {
  std::string edges;
  for (int node = 0; node < 100'000; ++node) {
    edges += "('skip_connect', 0), ('skip_connect', 1), ";
  }
  write_text(genotype_file(), "Genotype(normal=[" + edges +
                                  "], normal_concat=[2], reduce=[('skip_connect', 0), "
                                  "('skip_connect', 1)], reduce_concat=[2])");
  EXPECT_THAT(error_of(recipe()),
              AllOf(HasSubstr(genotype_file()), HasSubstr("100000 nodes in a cell, at most 32")));
}

}  // namespace
}  // namespace darts::testing
