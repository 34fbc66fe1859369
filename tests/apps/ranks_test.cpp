// Several processes that work on one run: --processes, and the variables of other launchers.
#include "apps/run_fixture.hpp"
#include "support/test_paths.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// The processes that a process has started, in that order.
std::vector<pid_t> children_of(pid_t parent) {
  const std::string pid = std::to_string(parent);
  std::istringstream text(bytes_of("/proc/" + pid + "/task/" + pid + "/children"));
  std::vector<pid_t> children;
  for (pid_t child = 0; text >> child;) {
    children.push_back(child);
  }
  return children;
}

std::size_t records_in(const fs::path& run) {
  return lines_with(bytes_of(run / "metrics.jsonl"), "{").size();
}

/// The largest difference between the numbers of two files of records, line for line.
double difference(const nlohmann::json& a, const nlohmann::json& b) {
  double most = a.size() == b.size() ? 0.0 : 1e9;
  if (a.is_number()) {
    return std::abs(a.get<double>() - b.get<double>());
  }
  if (a.is_structured() && most == 0.0) {
    auto other = b.begin();
    for (const auto& value : a) {
      most = std::max(most, difference(value, *other++));
    }
  }
  return most;
}

double difference_of_alphas(const fs::path& a, const fs::path& b) {
  std::istringstream first(bytes_of(a / "alphas.jsonl"));
  std::istringstream second(bytes_of(b / "alphas.jsonl"));
  double most = 0.0;
  std::string line;
  std::string other;
  while (std::getline(first, line)) {
    EXPECT_TRUE(std::getline(second, other));
    most = std::max(most, difference(nlohmann::json::parse(line), nlohmann::json::parse(other)));
  }
  return most;
}

/// Below the ports that systems hand out; other runs of these tests on this machine have others.
int own_port(int number) {
  constexpr int first = 12'000;
  constexpr int each = 4;
  constexpr int processes = 4'000;
  return first + each * (::getpid() % processes) + number;
}

class SearchOnRanks : public SearchFixture {
 protected:
  Arguments on_ranks(int count, const std::string& place,
                     const std::vector<std::string>& settings = {}) const {
    std::vector<std::string> all{"run.checkpoint_every_steps=2"};
    all.insert(all.end(), settings.begin(), settings.end());
    Arguments arguments = recipe(all);
    arguments.insert(arguments.end(), {"--run-dir", at(place).string()});
    if (count > 1) {
      arguments.insert(arguments.end(), {"--processes", std::to_string(count)});
    }
    return arguments;
  }

  /// The same with many steps, so that one that is to be stopped has not ended before, however busy
  /// the machine is.
  Arguments long_on_ranks(int count, const std::string& place) const {
    return on_ranks(count, place, {"search.epochs=8"});
  }

  /// A rank that the test starts as another launcher would.
  Program start_rank(int rank, int size, int port, const Arguments& arguments,
                     const std::string& attempt = "0", const ProgramLimits& limits = {}) const {
    Arguments all{"RANK=" + std::to_string(rank),
                  "WORLD_SIZE=" + std::to_string(size),
                  "LOCAL_RANK=" + std::to_string(rank),
                  "LOCAL_WORLD_SIZE=" + std::to_string(size),
                  "MASTER_ADDR=127.0.0.1",
                  "MASTER_PORT=" + std::to_string(port),
                  "TORCHELASTIC_RESTART_COUNT=" + attempt,
                  "TORCHELASTIC_ERROR_FILE=" + at("reason").string() + std::to_string(rank),
                  (programs_folder() / "darts_search").string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const fs::path scratch = at("rank" + std::to_string(rank));
    fs::create_directories(scratch);
    return {"/usr/bin/env", all, scratch, limits};
  }
};

TEST_F(SearchOnRanks, IsTheSameSearchAndTheSameEveryTime) {
  finish(on_ranks(1, "alone"));
  for (const int count : {2, 3}) {
    const std::string place = std::to_string(count);
    finish(on_ranks(count, place));
    EXPECT_LT(difference_of_alphas(at("alone"), at(place)), 2e-5);
    finish(on_ranks(count, place + " again"));
    expect_same_run(at(place), at(place + " again"));
  }
}

TEST_F(SearchOnRanks, GoesOnAfterAnyOfThemIsKilled) {
  finish(long_on_ranks(3, "unbroken"));
  std::size_t records = 0;
  for (std::size_t victim = 0; victim < 3; ++victim) {
    Program program = start(long_on_ranks(3, "broken"));
    ASSERT_TRUE(program.until([&] {
      return records_in(at("broken")) > records && children_of(program.pid()).size() == 3;
    }));
    records = records_in(at("broken"));
    ::kill(children_of(program.pid()).at(victim), SIGKILL);
    const ProgramResult result = program.wait();
    EXPECT_EQ(result.status, 128 + SIGKILL) << result.err;
    EXPECT_THAT(result.err,
                HasSubstr("error: rank " + std::to_string(victim) + " was ended by signal 9"));
  }
  finish(long_on_ranks(3, "broken"));
  expect_same_run(at("unbroken"), at("broken"));
}

TEST_F(SearchOnRanks, StopsAsOneAtASignalToOneOrAll) {
  finish(long_on_ranks(2, "unbroken"));
  for (const int number : {SIGTERM, SIGINT}) {
    for (const bool to_all : {false, true}) {
      const std::string place = std::to_string(number) + (to_all ? " to all" : " to one");
      Program program = start(long_on_ranks(2, place));
      ASSERT_TRUE(program.until([&] { return records_in(at(place)) >= 2; }));
      ::kill(to_all ? program.pid() : children_of(program.pid()).at(1), number);
      const ProgramResult result = program.wait();
      EXPECT_EQ(result.status, 128 + number) << result.err;
      EXPECT_THAT(result.out, HasSubstr("saved; go on with"));
      EXPECT_THAT(result.err, Not(HasSubstr("error")));
      finish(long_on_ranks(2, place));
      expect_same_run(at("unbroken"), at(place));
    }
  }
}

TEST_F(SearchOnRanks, GoesOnWithAnotherNumberOfThem) {
  finish(long_on_ranks(1, "alone"));
  for (const int count : {3, 1, 2}) {
    Program program = start(long_on_ranks(count, "changing"));
    const std::size_t before = records_in(at("changing"));
    ASSERT_TRUE(program.until([&] { return records_in(at("changing")) > before + 2; }));
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait().status, 143);
  }
  finish(long_on_ranks(2, "changing"));
  EXPECT_LT(difference_of_alphas(at("alone"), at("changing")), 2e-5);
}

TEST_F(SearchOnRanks, SaysWhatTheyDoNotHaveInCommon) {
  const int port = own_port(0);
  Program other = start_rank(1, 2, port, on_ranks(1, "run", {"seed=9"}));
  const ProgramResult first = start_rank(0, 2, port, on_ranks(1, "run")).wait();
  EXPECT_EQ(first.status, 1);
  EXPECT_EQ(other.wait().status, 1);
  EXPECT_THAT(first.err, AllOf(HasSubstr("error: rank 1 differs from rank 0"),
                               HasSubstr("seed is 9, on rank 0")));
  EXPECT_THAT(bytes_of(at("reason0")), AllOf(HasSubstr("\"message\""), HasSubstr("differs")));
}

/// As torchrun does: the same command once more, with the next number of the attempt.
TEST_F(SearchOnRanks, GoesOnWhenItsLauncherStartsAllAnew) {
  const int port = own_port(1);
  finish(long_on_ranks(2, "unbroken"));
  {
    const Program first = start_rank(0, 2, port, long_on_ranks(1, "elastic"));
    Program second = start_rank(1, 2, port, long_on_ranks(1, "elastic"));
    ASSERT_TRUE(first.until([&] { return records_in(at("elastic")) >= 4; }));
    second.signal(SIGKILL);
    second.wait();
  }
  Program first = start_rank(0, 2, port + 1, long_on_ranks(1, "elastic"), "1");
  Program second = start_rank(1, 2, port + 1, long_on_ranks(1, "elastic"), "1");
  const ProgramResult result = first.wait();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(second.wait().status, 0);
  expect_same_run(at("unbroken"), at("elastic"));
}

TEST_F(SearchOnRanks, SaysWhyARankCannotGoOn) {
  const ProgramResult result = run(on_ranks(2, "full"), {.file_size = 6'000});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("cannot write"), HasSubstr("full")));
  EXPECT_THAT(error_of(on_ranks(2, "x", {"search.epochs=0"})), HasSubstr("search.epochs"));
  Arguments none = recipe();
  none.insert(none.end(), {"--processes", "none"});
  EXPECT_THAT(error_of(none), HasSubstr("--processes takes a whole number"));
}

/// Rank 1 may have half of what the search takes.
TEST_F(SearchOnRanks, SaysOnEachThatOneRunsOutOfMemory) {
  const int port = own_port(3);
  const Arguments big = on_ranks(1, "big",
                                 {"space.channels=256", "space.cells=8", "space.nodes=2",
                                  "search.batch_size=24", "parallel.timeout_seconds=60"});
  Program first = start_rank(0, 2, port, big);
  Program second = start_rank(1, 2, port, big, "0", {.memory = std::uint64_t{1} << 30U});
  const ProgramResult of_second = second.wait();
  const ProgramResult of_first = first.wait();
  EXPECT_EQ(of_second.status, 1);
  EXPECT_THAT(of_second.err,
              AllOf(StartsWith("error: out of memory: "), HasSubstr("lower search.batch_size")));
  EXPECT_EQ(of_first.status, 1);
  EXPECT_THAT(of_first.err, AllOf(HasSubstr("rank 1"), HasSubstr("out of memory")));
}

class TrainOnRanks : public TrainFixture {};

TEST_F(TrainOnRanks, IsTheSameTrainingAndTestedAsOne) {
  Arguments alone = recipe({"train.parts=2", "train.mixup=0.2"});
  Arguments together = alone;
  alone.insert(alone.end(), {"--run-dir", at("alone").string()});
  together.insert(together.end(), {"--run-dir", at("together").string(), "--processes", "3"});
  finish(alone);
  finish(together);
  const auto result = [&](const std::string& run) {
    return nlohmann::json::parse(bytes_of(at(run) / "result.json"));
  };
  EXPECT_NEAR(result("alone")["test_loss"].get<double>(),
              result("together")["test_loss"].get<double>(), 1e-3);
  for (const std::string count : {"1", "2", "3"}) {
    const Program test("darts_eval",
                       {at("together").string(), "--processes", count, "--batch-size", "7",
                        "--json", at("test" + count).string()},
                       at("alone"));
    EXPECT_EQ(const_cast<Program&>(test).wait().status, 0);
    const auto figures = nlohmann::json::parse(bytes_of(at("test" + count)));
    const auto first = nlohmann::json::parse(bytes_of(at("test1")));
    EXPECT_EQ(figures["images"], images);
    EXPECT_EQ(figures["confusion"], first["confusion"]);
    EXPECT_NEAR(figures["loss"].get<double>(), first["loss"].get<double>(), 1e-6);
  }
}

}  // namespace
}  // namespace darts::testing
