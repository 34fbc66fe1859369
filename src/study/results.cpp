#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/core/json_text.hpp>
#include <darts/study/outcome.hpp>
#include <darts/study/results.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <system_error>
#include <utility>

namespace darts {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

bool is_of(const Json& record, const std::string& kind) {
  return json_field_as<std::string>(record, "kind") == kind;
}

/// The epoch whose genotype a search gave: where it stopped early an earlier one, or its last.
std::int64_t epoch_of_genotype(const std::vector<Json>& records) {
  std::int64_t epoch = 0;
  for (const Json& record : records) {
    if (is_of(record, "epoch")) {
      epoch = std::max(epoch, json_field_as<std::int64_t>(record, "epoch"));
    }
  }
  for (const Json& record : records) {
    if (is_of(record, "early_stop")) {
      epoch = json_field_as<std::int64_t>(record, "genotype_epoch");
    }
  }
  return epoch;
}

/// Takes up an epoch's record; the supernet's figures only up to the genotype's epoch.
void add_epoch(const Json& record, std::int64_t genotype_epoch, SearchFigures& figures) {
  figures.seconds += json_field_as<double>(record, "seconds");
  if (json_field_as<std::int64_t>(record, "epoch") > genotype_epoch) {
    return;
  }
  figures.valid_accuracy = json_field_as<double>(record, "valid_accuracy");
  figures.held_out = json_field_or<std::string>(record, "valid_images", "held out") == "held out";
  if (const Json* const value = find_json_field(record, "eigenvalue");
      value != nullptr && !value->is_null()) {  // null: it was not finite
    figures.eigenvalue = json_field_as<double>(record, "eigenvalue");
  }
}

/// Of a finished search; nothing where the method trains no supernet.
std::optional<SearchFigures> read_search(const fs::path& run) {
  const fs::path file = run / "metrics.jsonl";
  const std::vector<Json> records = read_json_lines(file);
  return within(file.string(), [&]() -> std::optional<SearchFigures> {
    const std::int64_t epoch = epoch_of_genotype(records);
    if (epoch == 0) {
      return std::nullopt;
    }
    SearchFigures figures;
    for (const Json& record : records) {
      if (is_of(record, "epoch")) {
        add_epoch(record, epoch, figures);
      }
    }
    return figures;
  });
}

/// Takes up a finished training.
void add_training(const PlannedTraining& training, const StudyFolder& folder,
                  RetrainedCandidate& candidate) {
  const fs::path file = folder.training(training.name) / "result.json";
  within(file.string(), [&] {
    const auto json = parse_json<Json>(read_file(file));
    candidate.trainings.push_back({training.name, training.seed,
                                   json_field_as<double>(json, "selection_top1"),
                                   json_field_as<double>(json, "seconds")});
    candidate.parameters = json_field_as<std::int64_t>(json, "parameters");
    candidate.multiply_adds = json_field_as<std::int64_t>(json, "multiply_adds");
  });
}

/// Throws Error unless `file` is the genotype that was trained, as the candidate has it: two
/// machines may have searched for it, and found two.
void check_trained(const RetrainedCandidate& candidate, const fs::path& file) {
  const Genotype trained = load_genotype(file.string());
  if (trained.normal != candidate.genotype.normal || trained.reduce != candidate.genotype.reduce) {
    throw Error(file.string() + " is another genotype than that of " + candidate.name +
                "; remove this training and its file in outcomes/, and it is done again");
  }
}

std::optional<RetrainedCandidate> read_candidate(const Candidate& planned,
                                                 const StudyFolder& folder) {
  const bool done = (planned.search == nullptr || is_finished(folder.outcome(planned.name))) &&
                    std::ranges::all_of(planned.trainings, [&](const PlannedTraining& training) {
                      return is_finished(folder.outcome(training.name));
                    });
  if (!done) {
    return std::nullopt;
  }
  RetrainedCandidate candidate{planned.name, planned.method, planned.seed,
                               load_genotype(genotype_file(planned, folder).string())};
  if (planned.search != nullptr) {
    candidate.search = read_search(folder.search(planned.name));
  }
  for (const PlannedTraining& training : planned.trainings) {
    check_trained(candidate, folder.training(training.name) / "genotype.json");
    add_training(training, folder, candidate);
  }
  return candidate;
}

/// `candidates`: of one method.
MethodResult method_result(const std::string& name,
                           const std::vector<const RetrainedCandidate*>& candidates) {
  MethodResult method{.name = name};
  const auto share = 1.0 / static_cast<double>(candidates.size());
  for (const RetrainedCandidate* candidate : candidates) {
    method.seeds.push_back(candidate->seed);
    method.accuracies.push_back(candidate->accuracy());
    method.parameters += share * static_cast<double>(candidate->parameters);
    method.multiply_adds += share * static_cast<double>(candidate->multiply_adds);
    method.skips += share * static_cast<double>(candidate->skips());
    method.search_seconds += share * (candidate->search ? candidate->search->seconds : 0.0);
  }
  return method;
}

std::vector<MethodResult> method_results(const std::vector<RetrainedCandidate>& candidates) {
  std::set<std::string> names;
  for (const RetrainedCandidate& candidate : candidates) {
    names.insert(candidate.method);
  }
  std::vector<MethodResult> methods;
  for (const std::string& name : names) {
    std::vector<const RetrainedCandidate*> own;
    for (const RetrainedCandidate& candidate : candidates) {
      if (candidate.method == name) {
        own.push_back(&candidate);
      }
    }
    std::ranges::sort(own, {}, &RetrainedCandidate::seed);
    methods.push_back(method_result(name, own));
  }
  std::ranges::stable_sort(methods, std::ranges::greater(),
                           [](const MethodResult& method) { return mean(method.accuracies); });
  return methods;
}

/// Seeds pair two searches, which begin alike; drawn genotypes have nothing in common with them.
bool pairs_up(const MethodResult& a, const MethodResult& b) {
  return a.seeds == b.seeds && a.name != "random" && b.name != "random";
}

/// `resolution`: of the accuracies, a single image.
std::vector<Comparison> compare(const std::vector<MethodResult>& methods, double resolution) {
  std::vector<Comparison> comparisons;
  std::vector<double> p;
  for (auto first = methods.begin(); first != methods.end(); ++first) {
    for (auto second = first + 1; second != methods.end(); ++second) {
      if (first->accuracies.size() < 2 || second->accuracies.size() < 2) {
        continue;
      }
      const bool paired = pairs_up(*first, *second);
      const auto test = paired ? paired_test(first->accuracies, second->accuracies, resolution)
                               : welch_test(first->accuracies, second->accuracies, resolution);
      comparisons.push_back({first->name, second->name, paired, test});
      p.push_back(test.p);
    }
  }
  const std::vector<double> corrected = holm(p);
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    comparisons[i].corrected_p = corrected[i];
  }
  return comparisons;
}

void compare_with_random(std::vector<MethodResult>& methods) {
  const auto random = std::ranges::find(methods, "random", &MethodResult::name);
  if (random == methods.end() || !(standard_deviation(random->accuracies) > 0.0)) {
    return;
  }
  for (MethodResult& method : methods) {
    if (method.name != random->name) {
      method.above_random = (mean(method.accuracies) - mean(random->accuracies)) /
                            standard_deviation(random->accuracies);
    }
  }
}

using Figure = std::function<std::optional<double>(const RetrainedCandidate&)>;

/// Of the candidates that have the figure.
Correlation correlation(const std::vector<RetrainedCandidate>& candidates, std::string name,
                        std::string words, const Figure& figure) {
  std::vector<double> figures;
  std::vector<double> accuracies;
  for (const RetrainedCandidate& candidate : candidates) {
    if (const auto value = figure(candidate)) {
      figures.push_back(*value);
      accuracies.push_back(candidate.accuracy());
    }
  }
  return {std::move(name), std::move(words), static_cast<std::int64_t>(figures.size()),
          rank_correlation(figures, accuracies), rank_correlation_p(figures, accuracies)};
}

std::vector<Correlation> correlations(const std::vector<RetrainedCandidate>& candidates) {
  const auto of = [&](std::string name, std::string words, const Figure& figure) {
    return correlation(candidates, std::move(name), std::move(words), figure);
  };
  return {of("supernet_valid_accuracy",
             "the supernet's validation accuracy (searches that hold images out)",
             [](const RetrainedCandidate& c) {
               return c.search && c.search->held_out ? std::optional(c.search->valid_accuracy)
                                                     : std::nullopt;
             }),
          of("skip_connections_normal", "skip connections in the normal cell (all)",
             [](const RetrainedCandidate& c) { return static_cast<double>(c.skips()); }),
          of("eigenvalue", "the Hessian's largest eigenvalue (searches that measured it)",
             [](const RetrainedCandidate& c) {
               return c.search ? c.search->eigenvalue : std::nullopt;
             }),
          of("parameters", "parameters (all)",
             [](const RetrainedCandidate& c) { return static_cast<double>(c.parameters); }),
          of("multiply_adds", "multiply-adds (all)",
             [](const RetrainedCandidate& c) { return static_cast<double>(c.multiply_adds); })};
}

}  // namespace

double RetrainedCandidate::accuracy() const {
  std::vector<double> accuracies;
  for (const TrainingFigures& training : trainings) {
    accuracies.push_back(training.accuracy);
  }
  return mean(accuracies);
}

StudyResults collect(const Study& study, const std::vector<Candidate>& candidates,
                     const StudyFolder& folder) {
  StudyResults results{.name = study.name, .hold_out = study.hold_out};
  for (const Candidate& planned : candidates) {
    if (auto candidate = read_candidate(planned, folder)) {
      results.candidates.push_back(*std::move(candidate));
    } else {
      results.missing.push_back(planned.name);
    }
  }
  std::ranges::stable_sort(results.candidates, std::ranges::greater(),
                           &RetrainedCandidate::accuracy);
  results.methods = method_results(results.candidates);
  compare_with_random(results.methods);
  results.comparisons = compare(results.methods, 1.0 / static_cast<double>(study.hold_out));
  results.correlations = correlations(results.candidates);
  if (auto winner = read_winner(folder.winner()); winner && winner->complete()) {
    results.winner = std::move(winner);
  }
  return results;
}

std::optional<WinnerTest> read_winner(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    return std::nullopt;
  }
  return within(file.string(), [&] {
    const auto json = parse_json<Json>(read_file(file));
    return WinnerTest{json_field_as<std::string>(json, "candidate"),
                      json_field_as<std::vector<std::string>>(json, "compared"),
                      json_field_as<std::vector<double>>(json, "test_top1"),
                      json_field_or(json, "trainings", std::vector<std::string>()),
                      json_field_or<std::int64_t>(json, "networks", 0)};
  });
}

void write_winner(const fs::path& file, const WinnerTest& winner) {
  const nlohmann::ordered_json json{{"candidate", winner.candidate},
                                    {"compared", winner.compared},
                                    {"trainings", winner.trainings},
                                    {"networks", winner.networks},
                                    {"test_top1", winner.top1}};
  write_file_atomically(file, json.dump(2) + "\n");
}

}  // namespace darts
