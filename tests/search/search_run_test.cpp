// A search that is started and gone on with by the library's few lines, as a program of its own
// would.
#include "core/temporary_folder.hpp"
#include "data/fixtures.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/search/search_run.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

namespace fs = std::filesystem;

/// Two epochs of six steps.
SearchConfig tiny_config(const fs::path& folder) {
  test::write_fashion_mnist(folder / "data", 48);
  SearchConfig config;
  config.data.set.root = folder / "data";
  config.data.workers = 0;
  config.space.primitives = {"none", "skip_connect", "max_pool_3x3"};
  config.space.nodes = 1;
  config.space.cells = 1;
  config.space.channels = 2;
  config.space.stem_multiplier = 1;
  config.search.order = SearchOrder::first;
  config.search.epochs = 2;
  config.search.batch_size = 4;
  config.runtime.device = "cpu";
  config.runtime.threads = 1;
  config.run.root = folder / "runs";
  config.run.log_every_steps = 1;
  return config;
}

/// After so many steps and batches of a validation.
RunHooks stop_after(int asked) {
  RunHooks hooks;
  hooks.should_stop = [asked]() mutable { return --asked == 0; };
  return hooks;
}

TEST(SearchRun, IsStartedAndResumedInAFewLines) {
  const testing::TemporaryFolder folder;
  const SearchConfig config = tiny_config(folder.path());
  const auto whole = SearchRun::start(config);
  EXPECT_EQ(whole->run(), RunOutcome::finished);
  EXPECT_EQ(load_genotype(whole->directory().genotype().string()).name, config.name);

  fs::path directory;
  {
    const auto stopped = SearchRun::start(config, stop_after(14));
    EXPECT_EQ(stopped->run(), RunOutcome::stopped);
    EXPECT_EQ(stopped->state().epoch, 1);
    directory = stopped->directory().path();
  }
  const auto resumed = SearchRun::resume(directory);
  EXPECT_EQ(resumed->run(), RunOutcome::finished);
  for (const auto& [one, other] :
       {std::pair(whole->directory().alphas(), resumed->directory().alphas()),
        std::pair(whole->directory().genotype(), resumed->directory().genotype())}) {
    EXPECT_EQ(read_file(one), read_file(other)) << one;
  }
  EXPECT_EQ(whole->state().best_accuracy, resumed->state().best_accuracy);
  EXPECT_EQ(read_json_lines(resumed->directory().metrics()).size(), 14U);

  const auto from = SearchRun::start(config, {}, *whole->directory().latest_checkpoint());
  const auto recorded = read_json_lines(from->directory().alphas());
  EXPECT_EQ(recorded.front().at("normal"),
            read_json_lines(whole->directory().alphas()).back().at("normal"));
}

}  // namespace
}  // namespace darts
