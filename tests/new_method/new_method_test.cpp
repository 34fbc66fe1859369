// "One file and one row": Annealed, with which CMakeLists.txt extends the table of methods, is a
// method like any other, from its key in a config to a search that is stopped and gone on with.

#include "core/temporary_folder.hpp"
#include "data/fixtures.hpp"
#include "new_method/annealed.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/search/search_checkpoint.hpp>
#include <darts/search/search_run.hpp>

#include <ATen/ops/softmax.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// Two epochs of six steps.
SearchConfig tiny_config(const fs::path& folder) {
  test::write_fashion_mnist(folder / "data", 48);
  SearchConfig config;
  config.data.set.root = folder / "data";
  config.data.workers = 0;
  config.space.primitives = {"none", "skip_connect", "sep_conv_3x3"};
  config.space.nodes = 1;
  config.space.cells = 2;
  config.space.channels = 2;
  config.space.stem_multiplier = 1;
  config.search.method = "annealed";
  config.search.order = SearchOrder::first;
  config.search.epochs = 2;
  config.search.batch_size = 4;
  config.alpha.learning_rate = 0.1;
  config.runtime.device = "cpu";
  config.runtime.threads = 1;
  config.run.root = folder / "runs";
  fields(config).set("annealed.tau_end", "0.25");
  return config;
}

/// After so many steps and batches of a validation.
RunHooks stop_after(int asked) {
  RunHooks hooks;
  hooks.should_stop = [asked]() mutable { return --asked == 0; };
  return hooks;
}

TEST(NewMethod, IsInTheTableAndItsKeysAreInTheConfig) {
  EXPECT_EQ(search_methods().back().name, "annealed");
  SearchConfig config;
  EXPECT_THAT(fields(config).keys(), ::testing::Contains("annealed.tau_end"));
  EXPECT_THAT(to_yaml(config), ::testing::Not(HasSubstr("annealed")));
  fields(config).set("annealed.tau_end", "0.5");
  EXPECT_THAT(unused_method_settings(config),
              ::testing::ElementsAre("annealed.tau_end has no effect: search.method is darts"));
  config.search.method = "annealed";
  EXPECT_THAT(to_yaml(config), HasSubstr("annealed:\n  tau_end: 0.5\n"));
}

TEST(NewMethod, MixesByItsSchedule) {
  const at::Tensor alpha = at::tensor({0.0, 1.0, 2.0, 0.5, 0.1, 0.2}, at::kDouble).view({2, 3});
  const Theta theta({alpha, alpha});
  const Annealed method;
  for (const auto& [epoch, tau] : {std::pair(0, 1.0), std::pair(3, 0.7), std::pair(9, 0.1)}) {
    const SearchPosition position{epoch, 10};
    EXPECT_NEAR(method.tau(position), tau, 1e-15);
    const Mixing mixing = method.mix(theta, CellType::normal, position, Moves::theta);
    EXPECT_TRUE(mixing.operations.allclose(at::softmax(alpha / tau, -1), 1e-13));
  }
}

TEST(NewMethod, IsSearchedWithAndResumed) {
  const testing::TemporaryFolder folder;
  const SearchConfig config = tiny_config(folder.path());
  const auto whole = SearchRun::start(config);
  EXPECT_EQ(whole->run(), RunOutcome::finished);

  fs::path directory;
  {
    const auto stopped = SearchRun::start(config, stop_after(14));
    EXPECT_EQ(stopped->run(), RunOutcome::stopped);
    EXPECT_EQ(stopped->state().epoch, 1);
    directory = stopped->directory().path();
  }
  const auto resumed = SearchRun::resume(directory);
  EXPECT_EQ(resumed->run(), RunOutcome::finished);
  EXPECT_EQ(read_file(whole->directory().alphas()), read_file(resumed->directory().alphas()));
  EXPECT_EQ(read_file(whole->directory().genotype()), read_file(resumed->directory().genotype()));

  const auto last = read_json_lines(resumed->directory().metrics()).back();
  EXPECT_EQ(last.at("method").at("tau"), 0.25);
  const StoredTheta stored = theta_of(load_checkpoint(*resumed->directory().latest_checkpoint()));
  EXPECT_NE(dynamic_cast<const Annealed*>(stored.method.get()), nullptr);
}

TEST(NewMethod, IsAnotherSearchThanDarts) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_config(folder.path());
  const auto annealed = SearchRun::start(config);
  EXPECT_EQ(annealed->run(), RunOutcome::finished);
  config.search.method = "darts";
  const auto darts = SearchRun::start(config);
  EXPECT_EQ(darts->run(), RunOutcome::finished);
  const auto of_annealed = read_json_lines(annealed->directory().alphas());
  const auto of_darts = read_json_lines(darts->directory().alphas());
  EXPECT_EQ(of_annealed.at(1), of_darts.at(1));  // τ is 1 in the first epoch
  EXPECT_NE(of_annealed.at(2), of_darts.at(2));
}

}  // namespace
}  // namespace darts
