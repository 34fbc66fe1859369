#include "support/threads.hpp"

#include "search/darts_mixing.hpp"
#include "search/every_order.hpp"
#include "support/module_helpers.hpp"

#include <darts/search/search_methods.hpp>
#include <darts/search/search_step.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::random_normal;

struct Setting {
  std::string name;
  NetworkStem stem = NetworkStem::cifar;
  std::string method = "darts";
  SearchOrder order = SearchOrder::first;

  friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

constexpr int beyond_frozen_epochs = 20;

Batch images_of(std::uint64_t seed, std::int64_t size) {
  return {random_normal({33, 3, size, size}, seed).to(at::kFloat),
          testing::random_labels(33, 10, seed)};
}

/// All that a supernet is after two steps, large enough that LibTorch shares its own work out.
testing::Golden searched(const Setting& setting) {
  SupernetOptions options;
  options.cells = 3;
  options.channels = 8;
  options.nodes = 2;
  options.stem = setting.stem;
  options.execution.execution = Execution::fused;
  const auto method = make_method(setting.method);
  options.theta = method->theta_shapes({options.primitives, options.nodes});
  method->prepare(options, 0);
  Supernet supernet(options);
  initialize_supernet(supernet, 3, *method);
  SearchStepOptions step_options;
  step_options.method = method;
  step_options.order = setting.order;
  SearchStep step(supernet, step_options);
  const std::int64_t size = setting.stem == NetworkStem::cifar ? 18 : 64;
  for (std::uint64_t i = 0; i < 2; ++i) {
    step.run(images_of(2 * i, size), images_of(2 * i + 1, size), 0.025,
             {.epoch = beyond_frozen_epochs});
  }
  return testing::copy_of_state(*supernet);
}

class SearchThreads : public ::testing::TestWithParam<Setting> {};

TEST_P(SearchThreads, AFusedStepDoesNotDependOnTheirNumber) {
  testing::expect_independent_of_threads([] { return searched(GetParam()); });
}

INSTANTIATE_TEST_SUITE_P(Settings, SearchThreads,
                         ::testing::Values(Setting{.name = "first"},
                                           Setting{.name = "second", .order = SearchOrder::second},
                                           Setting{.name = "joint", .order = SearchOrder::joint},
                                           Setting{.name = "partial", .method = "pc-darts"},
                                           Setting{.name = "imagenet",
                                                   .stem = NetworkStem::imagenet}));

}  // namespace
}  // namespace darts
