#include <darts/core/atomic_file.hpp>
#include <darts/core/text.hpp>
#include <darts/study/results.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(double share) { return format_fixed(100.0 * share, 2); }

std::string millions(double value) { return format_fixed(value / 1e6, 2); }

/// "93.10 ± 0.21"; of a single value no deviation is known.
std::string percent_with_deviation(const std::vector<double>& shares) {
  return percent(mean(shares)) +
         (shares.size() > 1 ? " ± " + percent(standard_deviation(shares)) : "");
}

std::string interval_of(const std::vector<double>& shares) {
  if (shares.size() < 2) {
    return "";
  }
  const Interval interval = mean_interval(shares);
  return percent(interval.low) + " to " + percent(interval.high);
}

std::string p_value(double p) { return p < 0.001 ? "< 0.001" : format_fixed(p, 3); }

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
  return json;
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

/// The supernet's accuracy.
std::string supernet_cell(const RetrainedCandidate& c) {
  return c.search ? percent(c.search->valid_accuracy) +
                        (c.search->held_out ? "" : " (images trained on)")
                  : "";
}

std::string candidates_markdown(const StudyResults& r) {
  std::string text =
      "| candidate | method | top-1, % | parameters, M | multiply-adds, M | skips | supernet, % |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const RetrainedCandidate& c : r.candidates) {
    std::vector<double> accuracies;
    for (const TrainingFigures& t : c.trainings) {
      accuracies.push_back(t.accuracy);
    }
    text += "| " + c.name + " | " + c.method + " | " + percent_with_deviation(accuracies) + " | " +
            millions(static_cast<double>(c.parameters)) + " | " +
            millions(static_cast<double>(c.multiply_adds)) + " | " + std::to_string(c.skips()) +
            " | " + supernet_cell(c) + " |\n";
  }
  return text;
}

std::string methods_markdown(const StudyResults& r) {
  std::string text =
      "| method | n | top-1, % | 95 % interval of the mean | parameters, M | multiply-adds, M | "
      "skips | a search |\n|---|---|---|---|---|---|---|---|\n";
  for (const MethodResult& m : r.methods) {
    text += "| " + m.name + " | " + std::to_string(m.accuracies.size()) + " | " +
            percent_with_deviation(m.accuracies) + " | " + interval_of(m.accuracies) + " | " +
            millions(m.parameters) + " | " + millions(m.multiply_adds) + " | " +
            format_fixed(m.skips, 1) + " | " +
            (m.search_seconds > 0.0 ? format_duration(m.search_seconds) : "") + " |\n";
  }
  return text;
}

std::string comparisons_markdown(const StudyResults& r) {
  std::string text =
      "| methods | difference, points | test | p | p corrected | |\n|---|---|---|---|---|---|\n";
  for (const Comparison& c : r.comparisons) {
    text += "| " + c.first + " − " + c.second + " | " + percent(c.test.difference) + " | " +
            (c.paired ? "paired by seeds" : "Welch's") + " | " + p_value(c.test.p) + " | " +
            p_value(c.corrected_p) + " | " + (c.within_noise() ? "within noise" : "differ") +
            " |\n";
  }
  return text;
}

std::string correlations_markdown(const StudyResults& r) {
  const std::pair<const char*, double> rows[] = {
      {"the supernet's validation accuracy (searches that hold images out)",
       r.supernet_correlation},
      {"skip connections in the normal cell (all)", r.skips_correlation},
      {"the Hessian's largest eigenvalue (searches that measured it)", r.eigenvalue_correlation}};
  std::string text;
  for (const auto& [what, correlation] : rows) {
    if (std::isfinite(correlation)) {
      text += std::string("- ") + what + ": " + format_fixed(correlation, 2) + "\n";
    }
  }
  return text.empty()
             ? ""
             : "Rank correlation (Spearman) with the retrained accuracy:\n\n" + text + "\n";
}

std::string winner_markdown(const StudyResults& r) {
  if (r.winner) {
    return "The best of them on these images, " + r.winner->candidate +
           ", was then tested on the test set, once: " + percent_with_deviation(r.winner->top1) +
           " % top-1.\n";
  }
  return r.missing.empty() ? "" : "Not done yet: " + join(r.missing) + ".\n";
}

}  // namespace

Json to_json(const StudyResults& r) {
  Json json{{"study", r.name}, {"hold_out", r.hold_out}};
  for (const char* list : {"candidates", "methods", "comparisons"}) {
    json[list] = Json::array();
  }
  std::ranges::transform(r.candidates, std::back_inserter(json["candidates"]), candidate_json);
  std::ranges::transform(r.methods, std::back_inserter(json["methods"]), method_json);
  std::ranges::transform(r.comparisons, std::back_inserter(json["comparisons"]), comparison_json);
  json["supernet_rank_correlation"] = number(r.supernet_correlation);
  json["skips_rank_correlation"] = number(r.skips_correlation);
  json["eigenvalue_rank_correlation"] = number(r.eigenvalue_correlation);
  json["missing"] = r.missing;
  json["winner"] = r.winner ? Json{{"candidate", r.winner->candidate},
                                   {"compared", r.winner->compared},
                                   {"test_top1", r.winner->top1}}
                            : Json();
  return json;
}

std::string to_csv(const StudyResults& r) {
  std::ostringstream text;
  text << "candidate,method,search_seed,training,training_seed,selection_top1,training_seconds,"
          "parameters,multiply_adds,skip_connections_normal,skip_connections_reduce,"
          "search_seconds,supernet_valid_accuracy,eigenvalue\n";
  for (const RetrainedCandidate& c : r.candidates) {
    for (const TrainingFigures& t : c.trainings) {
      text << c.name << ',' << c.method << ',' << c.seed << ',' << t.name << ',' << t.seed << ','
           << format_shortest(t.accuracy) << ',' << format_fixed(t.seconds, 3) << ','
           << c.parameters << ',' << c.multiply_adds << ',' << c.skips() << ','
           << count_skip_connections(c.genotype.reduce) << ','
           << (c.search ? format_fixed(c.search->seconds, 3) : "") << ','
           << (c.search ? format_shortest(c.search->valid_accuracy) : "") << ','
           << (c.search && c.search->eigenvalue ? format_shortest(*c.search->eigenvalue) : "")
           << '\n';
    }
  }
  return text.str();
}

std::string to_markdown(const StudyResults& r) {
  std::string text =
      "# " + r.name + "\n\nTop-1 accuracy on " + format_count(r.hold_out) +
      " training images that neither the searches nor the trainings saw. A candidate's figure is "
      "the mean ± deviation over its trainings, a method's over its candidates.\n\n" +
      methods_markdown(r) + "\n";
  if (!r.comparisons.empty()) {
    text += comparisons_markdown(r) +
            "\nA difference is called noise where one as large would come up by chance in more "
            "than 5 of 100 such studies, corrected for their number (Holm).\n\n";
  }
  text += correlations_markdown(r);
  return text + candidates_markdown(r) + "\n" + winner_markdown(r);
}

void write_tables(const StudyResults& results, const StudyFolder& folder) {
  write_file_atomically(folder.path() / "results.json", to_json(results).dump(2) + "\n");
  write_file_atomically(folder.path() / "results.csv", to_csv(results));
  write_file_atomically(folder.path() / "results.md", to_markdown(results));
}

}  // namespace darts
