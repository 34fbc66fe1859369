#include <darts/core/atomic_file.hpp>
#include <darts/study/results.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

/// NaN is null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json search_json(const RetrainedCandidate& c) {
  if (!c.search) {
    return nullptr;
  }
  return {{"seconds", c.search->seconds},
          {"valid_accuracy", c.search->valid_accuracy},
          {"valid_images", c.search->held_out ? "held out" : "trained on"},
          {"eigenvalue", c.search->eigenvalue ? Json(*c.search->eigenvalue) : Json()}};
}

Json candidate_json(const RetrainedCandidate& c) {
  Json trainings = Json::array();
  for (const TrainingFigures& t : c.trainings) {
    trainings.push_back({{"name", t.name},
                         {"seed", t.seed},
                         {"selection_top1", t.accuracy},
                         {"seconds", t.seconds}});
  }
  return {{"name", c.name},
          {"method", c.method},
          {"seed", c.seed},
          {"selection_top1", c.accuracy()},
          {"parameters", c.parameters},
          {"multiply_adds", c.multiply_adds},
          {"skip_connections_normal", c.skips()},
          {"skip_connections_reduce", count_skip_connections(c.genotype.reduce)},
          {"search", search_json(c)},
          {"trainings", trainings},
          {"genotype", to_notation(c.genotype)}};
}

Json method_json(const MethodResult& m) {
  Json json{{"name", m.name},
            {"candidates", m.accuracies.size()},
            {"seeds", m.seeds},
            {"selection_top1", mean(m.accuracies)},
            {"standard_deviation",
             m.accuracies.size() > 1 ? Json(standard_deviation(m.accuracies)) : Json()}};
  if (m.accuracies.size() > 1) {
    const Interval interval = mean_interval(m.accuracies);
    json["interval_95"] = {number(interval.low), number(interval.high)};
  }
  json["parameters"] = m.parameters;
  json["multiply_adds"] = m.multiply_adds;
  json["skip_connections_normal"] = m.skips;
  json["search_seconds"] = m.search_seconds;
  json["above_random"] = m.above_random ? number(*m.above_random) : Json();
  return json;
}

Json correlation_json(const Correlation& c) {
  return {{"figure", c.figure},
          {"candidates", c.candidates},
          {"rank_correlation", number(c.rank)},
          {"p", number(c.p)}};
}

Json comparison_json(const Comparison& c) {
  return {{"first", c.first},
          {"second", c.second},
          {"paired", c.paired},
          {"difference", c.test.difference},
          {"t", number(c.test.t)},
          {"degrees_of_freedom", c.test.freedom},
          {"p", c.test.p},
          {"p_corrected", c.corrected_p},
          {"within_noise", c.within_noise()}};
}

}  // namespace

Json to_json(const StudyResults& r) {
  Json json{{"study", r.name}, {"hold_out", r.hold_out}};
  for (const char* list : {"candidates", "methods", "comparisons", "correlations"}) {
    json[list] = Json::array();
  }
  std::ranges::transform(r.candidates, std::back_inserter(json["candidates"]), candidate_json);
  std::ranges::transform(r.methods, std::back_inserter(json["methods"]), method_json);
  std::ranges::transform(r.comparisons, std::back_inserter(json["comparisons"]), comparison_json);
  std::ranges::transform(r.correlations, std::back_inserter(json["correlations"]),
                         correlation_json);
  json["missing"] = r.missing;
  json["winner"] = r.winner ? Json{{"candidate", r.winner->candidate},
                                   {"compared", r.winner->compared},
                                   {"test_top1", r.winner->top1}}
                            : Json();
  return json;
}

void write_tables(const StudyResults& results, const StudyFolder& folder) {
  write_file_atomically(folder.path() / "results.json", to_json(results).dump(2) + "\n");
  write_file_atomically(folder.path() / "results.csv", trainings_csv(results));
  write_file_atomically(folder.path() / "methods.csv", methods_csv(results));
  write_file_atomically(folder.path() / "comparisons.csv", comparisons_csv(results));
  write_file_atomically(folder.path() / "epochs.csv", epochs_csv(results, folder));
  write_file_atomically(folder.path() / "results.md", to_markdown(results));
}

}  // namespace darts
