// darts_search that is stopped or killed goes on as if it had never been.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"
#include "data/fixtures.hpp"
#include "search/every_order.hpp"

#include <darts/core/named_rows.hpp>
#include <darts/search/search_methods.hpp>

#include <algorithm>
#include <csignal>
#include <map>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int steps_per_epoch = 6;

class DartsSearchResume : public SearchFixture {};

class DartsSearchKilled : public DartsSearchResume,
                          public ::testing::WithParamInterface<SearchOrder> {};

TEST_P(DartsSearchKilled, GoesOnAsIfItHadNeverBeen) {
  constexpr int epochs = 5;
  const int steps = GetParam() == SearchOrder::second ? 2 : 1;
  expect_kills_do_not_matter(recipe({"search.order=" + std::string(find_order(GetParam()).name),
                                     "search.epochs=" + std::to_string(epochs),
                                     "run.checkpoint_every_steps=" + std::to_string(steps)}),
                             epochs * steps_per_epoch, steps_per_epoch);
}

INSTANTIATE_TEST_SUITE_P(Orders, DartsSearchKilled, ::testing::ValuesIn(every_order()),
                         [](const auto& order) {
                           return std::string(find_order(order.param).name);
                         });

/// Of every method: whether it draws, freezes, or goes through stages. Of the smallest search that
/// has all of it.
class DartsSearchMethodKilled : public DartsSearchResume,
                                public ::testing::WithParamInterface<std::string> {
 protected:
  static std::vector<std::string> settings_of(const std::string& method) {
    const std::map<std::string, std::vector<std::string>> own{
        {"pc-darts", {"pc_darts.partial=2", "pc_darts.frozen_epochs=1"}},
        {"gaea", {"gaea.partial=2"}},
        {"fair-darts", {"fair_darts.threshold=0.5"}},
        {"p-darts",
         {"p_darts.more_cells_second=0", "p_darts.more_cells_third=1", "p_darts.dropped_first=1",
          "p_darts.dropped_second=1", "p_darts.frozen_epochs=1"}},
        {"drnas",
         {"drnas.partial=4", "drnas.partial_later=2", "drnas.kept=2", "drnas.frozen_epochs=1"}},
    };
    const auto found = own.find(method);
    return found == own.end() ? std::vector<std::string>{} : found->second;
  }
};

TEST_P(DartsSearchMethodKilled, GoesOnAsIfItHadNeverBeen) {
  constexpr int epochs = 6;  // two stages, or three
  std::vector<std::string> settings = settings_of(GetParam());
  settings.insert(settings.end(),
                  {"search.method=" + GetParam(), "search.epochs=" + std::to_string(epochs),
                   "space.cells=3", "space.channels=4", "run.checkpoint_every_steps=1"});
  if (GetParam() == "random") {
    const fs::path run = finish(recipe(settings));
    EXPECT_EQ(finish({"--resume", run}), run);
    EXPECT_EQ(bytes_of(run / "genotype.json"),
              bytes_of(finish(recipe(settings)) / "genotype.json"));
    return;
  }
  expect_kills_do_not_matter(recipe(settings), epochs * steps_per_epoch, steps_per_epoch);
}

INSTANTIATE_TEST_SUITE_P(Methods, DartsSearchMethodKilled,
                         ::testing::ValuesIn(names_of(search_methods())), [](const auto& method) {
                           std::string name = method.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

/// Three epochs of nine: what the rule has seen is a part of the state. A run that has stopped so
/// is finished.
TEST_F(DartsSearchResume, KillsDoNotMatterToASearchThatStopsEarly) {
  const Arguments arguments =
      recipe({"search.epochs=9", "search.curvature_every=1", "search.early_stop=eigenvalue",
              "early_stop.window=1", "early_stop.delta=2", "early_stop.start_epoch=0",
              "early_stop.factor=1e-9", "run.checkpoint_every_steps=1"});
  expect_kills_do_not_matter(arguments, 3 * steps_per_epoch, steps_per_epoch);
  const fs::path run = finish(arguments);
  const std::string metrics = bytes_of(run / "metrics.jsonl");
  const std::string genotype = bytes_of(run / "genotype.json");
  const std::string checkpoint = bytes_of(newest_checkpoint(run));
  EXPECT_THAT(genotype, HasSubstr("early_stop"));
  const ProgramResult again = SearchFixture::run({"--resume", run});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("stopped early after epoch 3 of 9"));
  EXPECT_EQ(bytes_of(run / "metrics.jsonl"), metrics);
  EXPECT_EQ(bytes_of(run / "genotype.json"), genotype);
  EXPECT_EQ(bytes_of(newest_checkpoint(run)), checkpoint);
}

/// Decisions are a part of the state, and what is drawn for them a function of the seed.
TEST_F(DartsSearchResume, StopsDuringASelection) {
  const fs::path source =
      finish(recipe({"space.nodes=2", "search.epochs=1", "run.root=" + at("sources").string()}));
  const Arguments arguments{
      "--select", "perturbation",         "--from", source,
      "--set",    "selection.interval=1", "--set",  "run.root=" + runs().string()};
  constexpr int records = 2 * (steps_per_epoch + 3) + 5;  // within the third of six epochs
  const fs::path run = start_and_stop(arguments, SIGTERM, records);
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

/// What the operation draws is a function of the step, too.
TEST_F(DartsSearchResume, KillsDoNotMatterWhereEdgesOfferTheirOwnAndNoise) {
  expect_kills_do_not_matter(
      recipe({"space.edges.normal=[[noise, sep_conv_3x3, none], [skip_connect, noise]]",
              "space.edges.reduce=[[noise], [max_pool_3x3, noise]]", "space.edges_per_node=[1]",
              "search.order=second", "run.checkpoint_every_steps=1", "search.epochs=3"}),
      3 * steps_per_epoch, steps_per_epoch);
}

TEST_F(DartsSearchResume, KilledOnPhotographsItGoesOnWithinTheEpoch) {
  std::vector<std::string> settings = write_photographs(4);
  for (const char* copy : {"2", "3", "4"}) {
    write_text(at("imagenet/train/n02/bad_" + std::string(copy) + ".JPEG"), "");
  }
  constexpr int epochs = 3;
  constexpr int steps = 9;  // an epoch: 18 of 28 photographs in pairs; four cannot be read
  settings.insert(settings.end(),
                  {"data.train_portion=0.65", "data.on_error=skip", "data.workers=2",
                   "space.stem=imagenet", "search.batch_size=2",
                   "search.epochs=" + std::to_string(epochs), "run.checkpoint_every_steps=1"});
  expect_kills_do_not_matter(recipe(settings), epochs * steps, steps);
}

TEST_F(DartsSearchResume, StopsOnInterrupt) {
  const fs::path run = start_and_stop(recipe({"search.epochs=8"}), SIGINT, 3);
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(recipe({"search.epochs=8"})));
}

TEST_F(DartsSearchResume, StopsOnTermination) {
  const Arguments arguments = recipe({"search.epochs=8", "search.method=second"});
  const fs::path run = start_and_stop(arguments, SIGTERM, 9);
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

TEST_F(DartsSearchResume, StopsDuringValidation) {
  test::write_fashion_mnist(at("more"), 600);
  const Arguments arguments =
      recipe({"data.root=" + at("more").string(), "data.train_portion=0.02", "search.epochs=1"});
  const fs::path run = start_and_stop(arguments, SIGTERM, 3);
  EXPECT_EQ(newest_checkpoint(run).filename(), "epoch_000_step_000003.safetensors");
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

TEST_F(DartsSearchResume, AFinishedRunStaysAsItIs) {
  const fs::path run = finish(recipe());
  const std::string metrics = bytes_of(run / "metrics.jsonl");
  const std::string alphas = bytes_of(run / "alphas.jsonl");
  const std::string checkpoint = bytes_of(newest_checkpoint(run));
  EXPECT_EQ(finish({"--resume", run}), run);
  EXPECT_EQ(bytes_of(run / "metrics.jsonl"), metrics);
  EXPECT_EQ(bytes_of(run / "alphas.jsonl"), alphas);
  EXPECT_EQ(bytes_of(newest_checkpoint(run)), checkpoint);
}

TEST_F(DartsSearchResume, OtherWorkersAndPlacesAreNoOtherRun) {
  const fs::path run = start_and_stop(recipe({"search.epochs=8"}), SIGINT, 2);
  const fs::path moved = at("moved");
  fs::rename(run, moved);
  test::write_fashion_mnist(at("elsewhere"), images);
  EXPECT_EQ(finish({"--resume", moved, "--data-root", at("elsewhere"), "--set", "data.workers=3"}),
            moved);
  expect_same_run(moved, finish(recipe({"search.epochs=8"})));
}

TEST_F(DartsSearchResume, ASecondProgramIsRefused) {
  Program first = start(recipe({"search.epochs=10000"}));
  ASSERT_TRUE(first.until_it_says("run directory: "));
  const fs::path run = run_directory_of(first.out());
  EXPECT_THAT(error_of({"--resume", run}),
              HasSubstr("is in use by process " + std::to_string(first.pid())));
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait().status, 128 + SIGTERM);
}

}  // namespace
}  // namespace darts::testing
