// Steps of several ranks, each with its rows of the batches, are those of one process.
#include "search/every_order.hpp"
#include "support/module_helpers.hpp"
#include "support/rank_outcomes.hpp"

#include <darts/ops/dropout.hpp>
#include <darts/search/search_methods.hpp>
#include <darts/search/search_step.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::difference;
using testing::expect_all_the_same;
using testing::expect_near;
using testing::expect_same_bytes;
using testing::Outcome;
using testing::random_normal;

constexpr std::int64_t classes = 4;
constexpr int steps = 5;

struct Setting {
  std::string method = "darts";
  SearchOrder order = SearchOrder::first;
  Execution execution = Execution::fused;
  BatchNormStatistics batch_norm = BatchNormStatistics::sync;
  bool recompute = false;
  double drop_path = 0.0;
  std::int64_t nodes = 2;

  friend void PrintTo(const Setting& s, std::ostream* out) {
    *out << s.method << " " << find_order(s.order).name << " " << static_cast<int>(s.execution);
  }
};

/// Rows of a rank; all of them where there is one.
Batch own_rows(const Batch& all, const Ranks& ranks) {
  if (ranks.alone()) {
    return all;
  }
  const BatchShare share = share_of(all.images.size(0), ranks.rank(), ranks.size());
  Batch own{all.images.narrow(0, share.first, share.rows).clone(),
            all.labels.narrow(0, share.first, share.rows).clone()};
  own.shares = {share};
  return own;
}

/// The last batch of an epoch is smaller and cannot be shared out evenly.
Batch batch_of(int step, std::uint64_t seed) {
  const std::int64_t images = step == 2 ? 5 : step == 3 ? 3 : 8;
  const auto number = seed + 10 * static_cast<std::uint64_t>(step);
  return {random_normal({images, 3, 8, 8}, number),
          testing::random_labels(images, classes, number)};
}

Outcome searched(const Setting& setting, const std::shared_ptr<Ranks>& ranks) {
  SupernetOptions options;
  options.cells = 3;
  options.channels = setting.method == "drnas" ? 12 : 8;  // it sees a sixth of them at first
  options.nodes = setting.nodes;
  options.classes = classes;
  options.execution.execution = setting.execution;
  options.execution.recompute = setting.recompute;
  const auto method = make_method(setting.method);
  const std::int64_t stage = method->stages() - 1;
  options.edge.drop_path = setting.drop_path > 0.0;
  method->prepare(options, 0);
  options.theta = method->theta_shapes({options.primitives, options.nodes});
  Supernet supernet(options);
  testing::make_double(*supernet);
  initialize_supernet(supernet, 3, *method);
  SearchStepOptions step_options;
  step_options.method = method;
  step_options.order = setting.order;
  step_options.seed = 5;
  step_options.ranks = ranks;
  step_options.batch_norm = setting.batch_norm;
  SearchStep step(supernet, step_options);
  Outcome outcome;
  for (int i = 0; i < steps; ++i) {
    // Late enough that everything moves that moves only after some epochs.
    const SearchPosition position{.epoch = 40, .epochs = 50, .step = i, .seed = 5, .stage = stage};
    set_edge_drop_path(*supernet, setting.drop_path);
    method->start_epoch(*supernet, position);
    const StepResult result = step.run(own_rows(batch_of(i, 0), *ranks),
                                       own_rows(batch_of(i, 1), *ranks), 0.025, position);
    const std::string name = "step " + std::to_string(i);
    outcome[name + " loss"] = at::scalar_tensor(result.loss, at::kDouble);
    outcome[name + " norm"] = at::scalar_tensor(result.gradient_norm, at::kDouble);
    outcome[name + " correct"] = at::scalar_tensor(result.correct, at::kLong);
  }
  for (const auto& [name, tensor] : testing::copy_of_state(*supernet)) {
    outcome[name] = tensor;
  }
  return outcome;
}

std::vector<Outcome> searched_by(int size, const Setting& setting) {
  return testing::outcomes_of(size, [&](const auto& ranks) { return searched(setting, ranks); });
}

class SearchRanks : public ::testing::TestWithParam<Setting> {};

TEST_P(SearchRanks, StepAsOneProcessDoes) {
  const Outcome alone = searched(GetParam(), single_rank());
  const std::vector<Outcome> together = searched_by(3, GetParam());
  expect_near(together.front(), alone, 1e-12);
  expect_all_the_same(together);
}

class DartsRanks : public ::testing::TestWithParam<SearchOrder> {};

TEST_P(DartsRanks, StepAsOneProcessDoesAndTheSameAgain) {
  const Setting setting{.order = GetParam()};
  const std::vector<Outcome> together = searched_by(2, setting);
  expect_near(together.front(), searched(setting, single_rank()), 1e-12);
  expect_same_bytes(together[1], together[0]);
  expect_same_bytes(searched_by(2, setting)[1], together[0]);
}

INSTANTIATE_TEST_SUITE_P(Orders, DartsRanks, ::testing::ValuesIn(testing::every_order()));

std::vector<Setting> every_setting() {
  std::vector<Setting> settings;
  for (const SearchMethodRow& row : search_methods()) {
    const auto method = make_method(row.name);
    for (const SearchOrder order : testing::every_order()) {
      if (!method->trains() || !method->refusal(order).empty()) {
        continue;
      }
      // Of DARTS all combinations, of the others all executions, in smaller cells, and all orders.
      const bool darts = row.name == "darts";
      for (const Execution execution : {Execution::fused, Execution::plain, Execution::merged}) {
        if (execution == Execution::fused || darts || order == SearchOrder::first) {
          settings.push_back({std::string(row.name), order, execution});
          settings.back().nodes = darts || execution == Execution::fused ? 2 : 1;
        }
      }
    }
  }
  settings.push_back({.recompute = true});
  settings.push_back({.drop_path = 0.4});
  settings.push_back({.order = SearchOrder::second, .drop_path = 0.4});
  return settings;
}

INSTANTIATE_TEST_SUITE_P(Methods, SearchRanks, ::testing::ValuesIn(every_setting()));

class LocalSearchRanks : public ::testing::TestWithParam<SearchOrder> {};

TEST_P(LocalSearchRanks, HoldTheSameWithBatchNormsOfTheirOwn) {
  const Setting setting{.order = GetParam(), .batch_norm = BatchNormStatistics::local};
  const Outcome alone = searched(setting, single_rank());
  const std::vector<Outcome> together = searched_by(3, setting);
  expect_all_the_same(together);
  // And it is another search than that of one process.
  EXPECT_GT(difference(together.front().at("alphas_normal"), alone.at("alphas_normal")), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Orders, LocalSearchRanks, ::testing::ValuesIn(testing::every_order()));

}  // namespace
}  // namespace darts
