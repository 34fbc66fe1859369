// When a search stops before its last epoch.

#include "core/expect_error.hpp"
#include "support/golden.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/search/early_stop.hpp>
#include <darts/search/search_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;
using Skips = std::vector<std::optional<std::int64_t>>;

/// What comes of a recorded sequence, an epoch after the other.
struct Course {
  std::vector<double> averages;
  std::optional<std::int64_t> decided;  ///< epoch, counted from 0
  std::optional<SearchTrace::Stop> stop;
};

Course follow(const Json& one) {
  const EarlyStopOptions options{.by = EarlyStop::eigenvalue,
                                 .window = one.at("window"),
                                 .factor = one.at("factor"),
                                 .delta = one.at("delta"),
                                 .start_epoch = one.at("es_start_epoch")};
  const std::int64_t epochs = one.at("epochs");
  Course course;
  SearchTrace trace;
  std::size_t next = 0;
  const Json& measured = one.at("eigenvalues");
  for (std::int64_t epoch = 0; epoch < epochs && !course.stop && next < measured.size(); ++epoch) {
    TracedEpoch ended{.epoch = epoch, .skips = 1};
    if (measured[next][0] == epoch) {
      ended.eigenvalue = measured[next++][1].get<double>();
    }
    add_epoch(trace, ended);
    course.stop = decide_stop(trace, options, one.at("freq"), epoch + 1, epochs);
    if (course.stop) {
      course.decided = epoch;
    }
    if (epoch < epochs - 1) {
      course.averages = local_averages(trace.eigenvalues, options.window);
    }
  }
  return course;
}

TEST(golden_early_stop, StopsWhereTheAuthorsDoWithTheirGenotype) {
  testing::for_each_golden_file("methods/robustdarts_early_stop", ".json", [](const auto& path) {
    const Json cases = Json::parse(read_file(path));
    std::size_t stopped = 0;
    for (const Json& one : cases) {
      const Course course = follow(one);
      EXPECT_EQ(course.stop.has_value(), one.at("stop").get<bool>());
      // The averages that the authors add in the last epoch decide nothing.
      const auto recorded = one.at("local_average").get<std::vector<double>>();
      ASSERT_LE(course.averages.size(), recorded.size());
      EXPECT_GE(course.averages.size() + (one.at("window").get<std::size_t>() + 1) / 2,
                recorded.size());
      for (std::size_t i = 0; i < course.averages.size(); ++i) {
        EXPECT_NEAR(course.averages[i], recorded[i], 1e-14);
      }
      if (course.stop) {
        ++stopped;
        EXPECT_EQ(*course.decided, one.at("decided_at_epoch").get<std::int64_t>());
        EXPECT_EQ(course.stop->epoch - 1, one.at("stop_epoch").get<std::int64_t>());
        EXPECT_EQ("genotype" + std::to_string(course.stop->epoch - 1),
                  one.at("stop_genotype").get<std::string>());
      }
    }
    std::printf("%s: %zu sequences, %zu stop early\n", path.filename().c_str(), cases.size(),
                stopped);
  });
}

TEST(EarlyStop, TooManySkipConnectionsGiveTheLastGenotypeWithFewer) {
  EXPECT_EQ(stop_by_skips(Skips{1, 2, 2}, 2), std::nullopt);
  EXPECT_EQ(stop_by_skips(Skips{1, 2, 3}, 2), 1);
  EXPECT_EQ(stop_by_skips(Skips{1, 0, std::nullopt, 3}, 2), 1);
  EXPECT_EQ(stop_by_skips(Skips{3, 4}, 2), std::nullopt) << "there is none to go back to";
  EXPECT_EQ(stop_by_skips(Skips{3, 2, 3}, 2), 1);
  EXPECT_EQ(stop_by_skips(Skips{2, std::nullopt}, 2), std::nullopt);
  EXPECT_EQ(stop_by_skips(Skips{}, 2), std::nullopt);
}

TEST(EarlyStop, StopsAfterTheEpochWithTooManySkipConnections) {
  const EarlyStopOptions options{.by = EarlyStop::skips, .skips = 2};
  SearchTrace trace;
  add_epoch(trace, {.epoch = 0, .skips = 1});
  add_epoch(trace, {.epoch = 1, .skips = 2});
  EXPECT_FALSE(decide_stop(trace, options, 0, 2, 9));
  add_epoch(trace, {.epoch = 2, .skips = 3});
  const auto stop = decide_stop(trace, options, 0, 3, 9);
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->after, 3);
  EXPECT_EQ(stop->epoch, 2) << "counted from 1: the last one with two";
  EXPECT_NE(stop->why.find("3 skip connections, more than 2"), std::string::npos) << stop->why;
  EXPECT_FALSE(decide_stop(trace, options, 0, 3, 3)) << "there is nothing left to stop";
}

TEST(EarlyStop, AGenotypeHasToStayTheSameWhileAlphaMoves) {
  const EarlyStopOptions options{.by = EarlyStop::stable, .stable_epochs = 2};
  SearchTrace trace;
  std::vector<bool> stops;
  std::int64_t epoch = 0;
  for (const auto& [genotype, moved] : std::vector<std::pair<std::string, bool>>{{"a", false},
                                                                                 {"a", false},
                                                                                 {"a", false},
                                                                                 {"a", true},
                                                                                 {"b", true},
                                                                                 {"", true},
                                                                                 {"", true},
                                                                                 {"", true},
                                                                                 {"b", true},
                                                                                 {"b", true},
                                                                                 {"b", true}}) {
    add_epoch(trace, {.epoch = epoch++, .genotype = genotype, .alpha_moved = moved});
    const auto stop = decide_stop(trace, options, 0, epoch, 100);
    stops.push_back(stop.has_value());
    if (stop) {
      EXPECT_EQ(stop->epoch, epoch) << "the genotype is the last epoch's";
      EXPECT_EQ(stop->after, epoch);
    }
  }
  EXPECT_THAT(stops, ::testing::ElementsAre(false, false, false, false, false, false, false, false,
                                            false, false, true));
  EXPECT_EQ(decide_stop(trace, options, 0, epoch, epoch), std::nullopt) << "the last epoch";
}

TEST(EarlyStop, ItsTraceIsPutBackFromText) {
  SearchTrace trace;
  trace.eigenvalues = {{0, 0.1}, {2, 1.0 / 3.0}, {4, std::nan("")}};
  trace.skips = {1, std::nullopt, 3};
  trace.genotype = "Genotype()";
  trace.epochs_same = 4;
  trace.stop = {.after = 3, .epoch = 1, .why = "too many"};
  const SearchTrace back = trace_from_json(Json::parse(to_json(trace).dump()));
  EXPECT_EQ(to_json(back).dump(), to_json(trace).dump());
  EXPECT_EQ(back.eigenvalues[1].value, 1.0 / 3.0);
  EXPECT_EQ(back.skips, trace.skips);
  EXPECT_THAT(describe(*back.stop, 9), ::testing::HasSubstr("after epoch 3 of 9 (too many)"));
  Json broken = to_json(trace);
  broken["eigenvalues"] = Json::parse("[[1]]");
  EXPECT_THAT(testing::error_of([&] { trace_from_json(broken); }),
              ::testing::HasSubstr("eigenvalues"));
}

std::string refusal_of(const std::function<void(SearchConfig&)>& change) {
  SearchConfig config;
  change(config);
  return testing::error_of([&] { supernet_options(config, first_stage(config), 3, 10); });
}

TEST(EarlyStop, SaysWhatItDoesNotGoWith) {
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  EXPECT_THAT(
      refusal_of([](SearchConfig& c) { c.early_stop.by = EarlyStop::eigenvalue; }),
      AllOf(HasSubstr("search.early_stop: eigenvalue"), HasSubstr("search.curvature_every")));
  for (const std::string method : {"p-darts", "drnas"}) {
    EXPECT_THAT(
        refusal_of([&](SearchConfig& c) {
          c.search.method = method;
          c.search.epochs = 6;
          c.space.channels = 36;
          c.early_stop.by = EarlyStop::skips;
        }),
        AllOf(HasSubstr("search.early_stop: skips"), HasSubstr(method), HasSubstr("last stage")));
  }
  EXPECT_THAT(refusal_of([](SearchConfig& c) {
                c.selection.by = Selection::perturbation;
                c.early_stop.by = EarlyStop::stable;
              }),
              HasSubstr("selection.by"));
  EXPECT_THAT(refusal_of([](SearchConfig& c) {
                c.search.method = "random";
                c.early_stop.by = EarlyStop::stable;
              }),
              HasSubstr("random"));
  EXPECT_THAT(refusal_of([](SearchConfig& c) {
                c.search.method = "gdas";
                c.search.order = SearchOrder::first;
                c.derive.max_skips = 2;
              }),
              AllOf(HasSubstr("derive.max_skips"), HasSubstr("gdas")));
}

}  // namespace
}  // namespace darts
