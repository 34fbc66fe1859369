#include "apps/program.hpp"
#include "core/temporary_folder.hpp"
#include "support/test_paths.hpp"

#include <darts/core/atomic_file.hpp>

#include <ATen/detail/CUDAHooksInterface.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

namespace darts {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;

/// Runs the program with small sizes.
class DartsBench : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("DARTS_CONFIG_DIR", testing::configs_folder().c_str(), 1); }

  ProgramResult run(std::vector<std::string> arguments) const {
    const std::vector<std::string> small{"--threads", "1", "--channels", "2", "--cells", "3"};
    arguments.insert(arguments.end(), small.begin(), small.end());
    return testing::Program("darts_bench", arguments, scratch_).wait();
  }

  json report() const { return json::parse(read_file(file_)); }

  static bool has_gpu() { return at::detail::getCUDAHooks().getNumGPUs() > 0; }

  const testing::TemporaryFolder folder_;
  const std::string scratch_ = (folder_ / "output").string();
  const std::string file_ = (folder_ / "report.json").string();
};

TEST_F(DartsBench, ReportsEveryFigureOfACpu) {
  const ProgramResult result =
      run({"--work", "alpha", "test", "--execution", "plain", "fused+bf16", "--batch", "1", "3",
           "--rounds", "2", "--steps", "1", "--json", file_});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("supernet: 2 channels, 3 cells, batch 1, 3\n"));
  EXPECT_THAT(result.out, HasSubstr("alpha 3"));
  EXPECT_THAT(result.out, Not(HasSubstr("launches")));

  const json all = report();
  EXPECT_EQ(all["format"], "darts-bench");
  EXPECT_EQ(all["device"]["name"], "cpu");
  EXPECT_FALSE(all["libtorch"].get<std::string>().empty());
  EXPECT_FALSE(all["git_revision"].get<std::string>().empty());
  EXPECT_GT(all["ceilings"]["copy_bytes_per_s"].get<double>(), 0.0);
  EXPECT_GT(all["ceilings"]["product_flop_per_s"]["fp32"].get<double>(), 0.0);
  ASSERT_EQ(all["results"].size(), 8);
  const json& row = all["results"][2];
  EXPECT_EQ(row["work"], "alpha");
  EXPECT_EQ(row["execution"], "plain");
  EXPECT_EQ(row["channels"], 2);
  EXPECT_EQ(row["cells"], 3);
  EXPECT_EQ(row["batch"], 3);
  EXPECT_EQ(row["steps"], 2);
  EXPECT_GE(row["seconds"].get<double>(), row["best"].get<double>());
  EXPECT_DOUBLE_EQ(row["images_per_s"].get<double>(), 3.0 / row["seconds"].get<double>());
  EXPECT_GT(row["peak_bytes"].get<std::int64_t>(), 10'000'000);
  EXPECT_GT(row["flop"].get<double>(), 0.0);
  EXPECT_GT(row["times_arithmetic_bound"].get<double>(), 1.0);
  for (const char* key : {"kernels", "launches", "idle_share", "failed", "skipped"}) {
    EXPECT_TRUE(row.at(key).is_null()) << key;
  }
  // A CPU's bf16 ceiling is not measured.
  EXPECT_TRUE(all["results"][3]["times_arithmetic_bound"].is_null());
  EXPECT_DOUBLE_EQ(all["results"][3]["flop"].get<double>(), row["flop"].get<double>());
}

TEST_F(DartsBench, GoesOnAfterAFailure) {
  // Batch norms of the auxiliary head cannot use one image alone.
  const ProgramResult result = run({"--work", "evaluation", "forward", "--execution", "plain",
                                    "--batch", "1", "--rounds", "1", "--json", file_});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("error: 1 of 2 measurements failed; the first, evaluation"));
  EXPECT_THAT(result.out, HasSubstr("no result: "));
  const json rows = report()["results"];
  EXPECT_THAT(rows[0]["failed"].get<std::string>(), HasSubstr("more than 1 value per channel"));
  EXPECT_TRUE(rows[0]["seconds"].is_null());
  EXPECT_TRUE(rows[1]["failed"].is_null());
  EXPECT_GT(rows[1]["seconds"].get<double>(), 0.0);
}

TEST_F(DartsBench, StartsNothingWhenTheTimeIsOver) {
  const ProgramResult result =
      run({"--work", "forward", "--max-seconds", "0", "--batch", "2", "--json", file_});
  EXPECT_EQ(result.status, 0) << result.err;
  const json rows = report()["results"];
  ASSERT_EQ(rows.size(), 2);
  for (const json& row : rows) {
    EXPECT_EQ(row["skipped"], "not started: --max-seconds");
    EXPECT_TRUE(row["failed"].is_null());
    EXPECT_TRUE(row["seconds"].is_null());
  }
}

TEST_F(DartsBench, LeavesNoProcessWhenItIsKilled) {
  testing::Program program("darts_bench",
                           {"--work", "second", "--execution", "plain", "--steps", "10000",
                            "--threads", "1", "--channels", "2", "--cells", "3"},
                           scratch_);
  const std::string id = std::to_string(program.pid());
  const auto folder_of_child = [&id] {
    std::istringstream children(testing::bytes_of("/proc/" + id + "/task/" + id + "/children"));
    std::string child;
    children >> child;
    return "/proc/" + child;
  };
  ASSERT_TRUE(program.until([&] {  // it has begun to measure
    return testing::bytes_of(folder_of_child() + "/oom_score_adj") == "1000\n";
  }));
  const std::string child = folder_of_child();
  program.signal(SIGKILL);
  program.wait();
  const auto ended = [&child] {  // or waits for its new parent to notice
    const std::string status = testing::bytes_of(child + "/status");
    return status.empty() || status.find("State:\tZ") != std::string::npos;
  };
  for (int i = 0; i < 1000 && !ended(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(ended()) << child;
}

TEST_F(DartsBench, SaysWhatDoesNotGoTogether) {
  const auto error_of = [this](const std::vector<std::string>& arguments) {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    return result.err;
  };
  EXPECT_THAT(error_of({"--execution", "merged+graph"}), HasSubstr("'graph' is for GPUs"));
  EXPECT_THAT(error_of({"--scaling", "--batch", "2", "4"}), HasSubstr("give one --batch"));
  EXPECT_THAT(error_of({"--profile", "--json", file_}), HasSubstr("writes no --json"));
  EXPECT_THAT(error_of({"--device", "gpu"}), HasSubstr("is no device"));
  EXPECT_THAT(error_of({"--work", "third"}), HasSubstr("unknown work 'third'"));
}

TEST_F(DartsBench, SaysThatThereIsNoGpu) {
  if (has_gpu()) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const ProgramResult result = run({"--device", "cuda"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AnyOf(HasSubstr("there is no usable GPU in this machine"),
                                HasSubstr("this program was built without CUDA")));
}

using DartsBenchCuda = DartsBench;

TEST_F(DartsBenchCuda, ReportsWhatAGpuDid) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  const ProgramResult result =
      run({"--device", "cuda", "--work", "alpha", "test", "--execution", "plain",
           "merged+graph+tf32", "--batch", "4", "--steps", "3", "--json", file_});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("launches"));
  const json all = report();
  for (const char* type : {"fp32", "tf32", "bf16"}) {
    EXPECT_GT(all["ceilings"]["product_flop_per_s"][type].get<double>(), 0.0) << type;
  }
  const json& plain = all["results"][0];
  const json& graph = all["results"][1];
  for (const json& row : {plain, graph}) {
    EXPECT_TRUE(row["not_traced"].is_null());
    EXPECT_GT(row["kernels"].get<std::int64_t>(), 100);
    EXPECT_GE(row["idle_share"].get<double>(), 0.0);
    EXPECT_LT(row["idle_share"].get<double>(), 1.0);
    EXPECT_GT(row["times_arithmetic_bound"].get<double>(), 1.0);
  }
  EXPECT_LT(graph["launches"].get<std::int64_t>(), plain["launches"].get<std::int64_t>() / 10);
  EXPECT_EQ(all["results"][3]["skipped"], "runtime.cuda_graph is not for this work");
}

}  // namespace
}  // namespace darts
