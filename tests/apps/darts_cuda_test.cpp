// The programs with --device cuda.
#include "apps/run_fixture.hpp"
#include "data/fixtures.hpp"
#include "support/test_devices.hpp"
#include "support/test_paths.hpp"

#include <darts/core/checkpoint.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/search/order.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Settings = std::vector<std::string>;

constexpr int steps_per_epoch = 6;

/// A fixture whose recipes are for the GPU.
template <class Fixture>
class OnGpu : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    use_device(gpu());
  }

  Arguments on_gpu(Settings settings = {}) const {
    settings.insert(settings.begin(), "runtime.device=cuda");
    return Fixture::recipe(settings);
  }
};

class DartsSearchCuda : public OnGpu<SearchFixture> {};

TEST_F(DartsSearchCuda, LeavesAWholeRunDirectory) {
  for (const std::string execution : {"fused", "plain"}) {
    const fs::path run = finish(on_gpu({"runtime.execution=" + execution}));
    const auto about = nlohmann::json::parse(bytes_of(run / "environment.json"));
    EXPECT_EQ(about.at("device").at("name"), "cuda:0");
    EXPECT_EQ(read_json_lines(run / "alphas.jsonl").size(), 3U);
    EXPECT_TRUE(fs::exists(run / "genotype.json"));
  }
}

TEST_F(DartsSearchCuda, TheSameSeedGivesTheSameBytes) {
  for (const SearchOrderRow& order : search_orders()) {
    for (const std::string graph : {"false", "true"}) {
      const Arguments arguments =
          on_gpu({"search.order=" + std::string(order.name), "runtime.cuda_graph=" + graph});
      expect_same_run(finish(arguments), finish(arguments));
    }
  }
}

TEST_F(DartsSearchCuda, KilledItGoesOnAsIfItHadNeverBeen) {
  constexpr int epochs = 5;
  expect_kills_do_not_matter(
      on_gpu({"search.epochs=" + std::to_string(epochs), "run.checkpoint_every_steps=1"}),
      epochs * steps_per_epoch, steps_per_epoch);
}

TEST_F(DartsSearchCuda, KilledWithGraphsItGoesOnAsIfItHadNeverBeen) {
  constexpr int epochs = 5;
  expect_kills_do_not_matter(
      on_gpu({"search.method=second", "search.epochs=" + std::to_string(epochs),
              "run.checkpoint_every_steps=2", "runtime.cuda_graph=true"}),
      epochs * steps_per_epoch, steps_per_epoch);
}

TEST_F(DartsSearchCuda, RunsInTf32AndBf16) {
  for (const std::string setting : {"runtime.tf32=true", "runtime.precision=bf16"}) {
    const fs::path run = finish(on_gpu({"search.epochs=1", setting}));
    EXPECT_GT(read_json_lines(run / "metrics.jsonl").back().at("valid_loss").get<double>(), 0.0);
  }
}

TEST_F(DartsSearchCuda, GoesOnWithARunOfTheCpuAndGivesItBack) {
  const Arguments arguments = recipe({"search.epochs=12"});
  const fs::path run = start_and_stop(arguments, SIGINT, 3);
  Program there = start({"--resume", run, "--device", "cuda"});
  EXPECT_TRUE(
      there.until([&] { return lines_with(bytes_of(run / "metrics.jsonl"), "{").size() >= 12; }));
  there.signal(SIGINT);
  EXPECT_EQ(there.wait().status, 128 + SIGINT);
  EXPECT_EQ(finish({"--resume", run, "--device", "cpu"}), run);
  const auto records = read_json_lines(run / "metrics.jsonl");
  const auto expected = read_json_lines(finish(arguments) / "metrics.jsonl");
  ASSERT_EQ(records.size(), expected.size());
  for (std::size_t i = 0; i < 6; ++i) {  // later, rounding has grown
    EXPECT_NEAR(records[i].value("train_loss", 0.0), expected[i].value("train_loss", 0.0), 1e-3)
        << i;
  }
}

/// A network that no GPU holds, and a search on it that stays whole.
TEST_F(DartsSearchCuda, WithoutMemorySaysInOneLineWhatToLower) {
  test::write_fashion_mnist(at("many"), 6000);
  const ProgramResult result =
      run(on_gpu({"data.root=" + at("many").string(), "search.batch_size=3000", "space.channels=64",
                  "space.cells=8", "space.nodes=4"}));
  EXPECT_EQ(result.status, 1);
  const auto lines = lines_with(result.err, "error: ");
  ASSERT_EQ(lines.size(), 1U) << result.err;
  EXPECT_TRUE(result.err.ends_with(lines.front() + "\n")) << result.err;
  EXPECT_THAT(lines.front(), AllOf(HasSubstr("out of memory on cuda:0 ("),
                                   HasSubstr("a lower search.batch_size")));
  const fs::path run = run_directory_of(result.out);
  const fs::path first = run / "checkpoints/epoch_000_step_000000.safetensors";
  EXPECT_EQ(newest_checkpoint(run), first);
  const std::string bytes = bytes_of(first);
  const ProgramResult again = SearchFixture::run({"--resume", run});
  EXPECT_THAT(again.err, HasSubstr("out of memory on cuda:0 ("));
  EXPECT_THAT(again.out, HasSubstr("resuming in epoch 1 after step 0"));
  EXPECT_EQ(bytes_of(first), bytes);
}

class DartsTrainCuda : public OnGpu<TrainFixture> {
 protected:
  nlohmann::json eval(const fs::path& run, Arguments more = {}) const {
    more.insert(more.begin(), {run, "--json", at("report.json")});
    const ProgramResult result = Program("darts_eval", more, at("eval_output")).wait();
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(bytes_of(at("report.json")));
  }
};

TEST_F(DartsTrainCuda, LeavesItsFiles) {
  const fs::path run = finish(on_gpu({"train.average=0.9", "train.mixup=0.2", "train.parts=2"}));
  EXPECT_EQ(read_json_lines(run / "metrics.jsonl").size(), 2U * (steps_per_epoch + 1));
  EXPECT_TRUE(fs::exists(run / "result.json"));
}

TEST_F(DartsTrainCuda, TheSameSeedGivesTheSameBytes) {
  expect_same_run(finish(on_gpu()), finish(on_gpu()));
}

TEST_F(DartsTrainCuda, KilledItGoesOnAsIfItHadNeverBeen) {
  constexpr int epochs = 4;
  expect_kills_do_not_matter(on_gpu({"train.epochs=" + std::to_string(epochs), "train.average=0.9",
                                     "train.mixup=0.2", "run.checkpoint_every_steps=1"}),
                             epochs * steps_per_epoch, steps_per_epoch);
}

TEST_F(DartsTrainCuda, IsTestedAsOnTheCpu) {
  const fs::path run = finish(on_gpu());
  const auto there = eval(run, {"--device", "cuda"});
  const auto here = eval(run, {"--device", "cpu"});
  EXPECT_EQ(there.at("images"), images);
  EXPECT_NEAR(there.at("loss"), here.at("loss"), 1e-4);
  EXPECT_NEAR(there.at("top1"), here.at("top1"), 1.5 / images);
  const auto anew = eval(run, {"--device", "cuda", "--recalibrate", "2"});
  EXPECT_NEAR(anew.at("loss"), eval(run, {"--device", "cpu", "--recalibrate", "2"}).at("loss"),
              1e-4);
  EXPECT_NE(anew.at("loss"), there.at("loss"));
  EXPECT_NEAR(eval(run, {"--device", "cuda", "--precision", "bf16"}).at("loss"), there.at("loss"),
              0.05 * there.at("loss").get<double>());
}

TEST_F(DartsTrainCuda, PredictsPictures) {
  const fs::path run = finish(on_gpu({"train.epochs=1"}));
  const fs::path picture = test_data_folder() / "images/landscape_rgb.jpg";
  const ProgramResult result =
      Program("darts_eval", {run, "--device", "cuda", "--top", "3", "--predict", picture},
              at("eval_output"))
          .wait();
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '%'), 3) << result.out;
}

}  // namespace
}  // namespace darts::testing
