#include "watch_config.hpp"

#include <darts/core/error.hpp>

namespace darts {
namespace {

void add_early_stop(FieldTable& t, EarlyStopOptions& stop) {
  t.section("early_stop", "When search.early_stop stops a search.");
  t.add("early_stop.window", stop.window,
        "eigenvalue: measurements that a mean is of (5 in RobustDARTS' code)", between(1, 1000));
  t.add("early_stop.factor", stop.factor,
        "eigenvalue: by which a mean has to exceed the earlier one (1.3 in Zela et al. 2020)",
        greater_than(0.0));
  t.add("early_stop.delta", stop.delta,
        "eigenvalue: measurements between the two means (4 in RobustDARTS' code)",
        between(1, 1000));
  t.add("early_stop.start_epoch", stop.start_epoch,
        "eigenvalue: first epoch, counted from 0, whose mean may be the earlier one (10 in "
        "RobustDARTS' code); its genotype is the result",
        at_least(0.0));
  t.add("early_stop.skips", stop.skips,
        "skips: skip connections that the normal cell may have; the result is the last genotype "
        "with no more",
        at_least(0.0));
  t.add("early_stop.stable_epochs", stop.stable_epochs,
        "stable: epochs, in which alpha moves, that leave the genotype as it is", at_least(1.0));
}

void add_derive(FieldTable& t, SearchConfig::Derive& derive) {
  t.section("derive", "How a genotype is derived.");
  t.add(
      "derive.max_skips", derive.max_skips,
      "skip connections of the normal cell, at most: the weakest ones make way (Chen et al. 2019, "
      "P-DARTS: 2); -1: any number",
      at_least(-1.0));
}

}  // namespace

void add_watch_fields(FieldTable& t, SearchConfig& c) {
  CurvatureOptions& curvature = c.search.curvature;
  t.add("search.curvature_every", curvature.every,
        "epochs between measurements of the largest eigenvalue of the validation loss' Hessian by "
        "alpha (Zela et al. 2020; 2 in their code), by one batch of alpha's images, on which order "
        "joint trains w as well; 0: none",
        between(0, 1'000'000));
  t.add("search.curvature_products", curvature.products,
        "how: exact: differentiating twice, module by module, with a multiple of a step's memory; "
        "difference: by differences of gradients, in float64",
        one_of<CurvatureProducts>(
            {{"exact", CurvatureProducts::exact}, {"difference", CurvatureProducts::difference}}));
  t.add("search.early_stop", c.early_stop.by,
        "stops before the last epoch: eigenvalue: once its mean has grown (Zela et al. 2020); "
        "skips: once the normal cell has too many skip connections, where it had fewer before; "
        "stable: once the genotype stays the same (both after DARTS+, Liang et al. 2019)",
        one_of<EarlyStop>({{"none", EarlyStop::none},
                           {"eigenvalue", EarlyStop::eigenvalue},
                           {"skips", EarlyStop::skips},
                           {"stable", EarlyStop::stable}}));
}

void add_watch_sections(FieldTable& t, SearchConfig& c) {
  add_early_stop(t, c.early_stop);
  add_derive(t, c.derive);
}

void check_caps_skips(const SearchConfig& config, const SearchMethod& method) {
  const bool selects = config.selection.by != Selection::none;
  if (config.derive.max_skips >= 0 && (selects || !method.caps_skips())) {
    throw Error("derive.max_skips does not go with " +
                (selects
                     ? "selection.by, which decides by other things than strengths"
                     : "search.method " + config.search.method + ", which derives in its own way"));
  }
}

void check_watch(const SearchConfig& config, const SearchMethod& method) {
  const bool selects = config.selection.by != Selection::none;
  check_caps_skips(config, method);
  if (config.early_stop.by == EarlyStop::none) {
    return;
  }
  const std::string name = std::string("search.early_stop: ") + name_of(config.early_stop.by);
  const std::string reason =
      selects ? "selection.by, whose genotype comes of all its decisions"
      : method.stages() > 1
          ? "search.method " + config.search.method + ", whose genotype comes of its last stage"
      : !method.trains() ? "search.method " + config.search.method + ", which has no epochs"
                         : "";
  if (!reason.empty()) {
    throw Error(name + " does not go with " + reason);
  }
  if (config.early_stop.by == EarlyStop::eigenvalue && config.search.curvature.every == 0) {
    throw Error(name + " needs measurements; set search.curvature_every (2 in RobustDARTS' code)");
  }
  if (config.early_stop.by == EarlyStop::skips && config.derive.max_skips >= 0 &&
      config.derive.max_skips <= config.early_stop.skips) {
    throw Error(name + " would never stop: derive.max_skips leaves no more skip connections than " +
                "early_stop.skips, " + std::to_string(config.early_stop.skips));
  }
}

std::vector<IdleRule> idle_watch_settings(const SearchConfig& config) {
  const EarlyStop by = config.early_stop.by;
  return {
      {{"search.curvature_products"},
       config.search.curvature.every == 0,
       "search.curvature_every is 0"},
      {{"early_stop.window", "early_stop.factor", "early_stop.delta", "early_stop.start_epoch"},
       by != EarlyStop::eigenvalue,
       "search.early_stop is not eigenvalue"},
      {{"early_stop.skips"}, by != EarlyStop::skips, "search.early_stop is not skips"},
      {{"early_stop.stable_epochs"}, by != EarlyStop::stable, "search.early_stop is not stable"}};
}

}  // namespace darts
